"""Vietnamese as it is read: numbers, dates, money, units, signs and abbreviations in words."""

import re

from models.normalise import internet, vi_amounts, vi_dates, vi_words
from models.normalise.rules import DASH, UNSPACED, Rule, before, rewrite, rule
from models.normalise.vi_numbers import NUMBER, cardinal, digits, month, read
from models.normalise.written import GAP, GLUED, PREPARED, code

REVISION = "vi 1"
"""Changed whenever a text could be read in other words."""

_SIGNS = {
    ".": "chấm", "/": "gạch chéo", ":": "hai chấm", "@": "a còng", "-": "gạch ngang", "_": "gạch dưới",
    "?": "dấu hỏi", "=": "bằng", "&": "và", "#": "thăng", "%": "phần trăm", "~": "ngã", "+": "cộng",
}  # fmt: skip

_CALLED = re.compile(r"\b(?:gọi|gọi số|số máy|hotline|tổng đài|đường dây nóng|sđt|đt|điện thoại|fax|tel|zalo)\s*:?\s*$")
_CODED = re.compile(r"\b(?:mã|mã số|số hiệu|biển số|pin|otp)\s*:?\s*$")


def _phone(match: re.Match[str]) -> str | None:
    """Digit by digit, with the pauses it was written with."""
    count = sum(map(str.isdigit, match[0]))
    if not 8 <= count <= 15:
        return None
    groups = [digits(group) for group in re.split(r"[ .()-]+", match[0].replace("+", "")) if group]
    return ("cộng " if "+" in match[0] else "") + ", ".join(groups)


def _hotline(match: re.Match[str]) -> str | None:
    seen = before(match)
    if not (_CALLED.search(seen) or _CODED.search(seen)):
        return None
    return ", ".join(digits(group) for group in re.split(GAP, match[0]))


def _ordinal(match: re.Match[str]) -> str:
    number = int(match[2])
    return match[1] + ("nhất" if number == 1 and match[1].lower().startswith("thứ") else month(number))


def _version(match: re.Match[str]) -> str | None:
    parts = match[0].split(".")
    if len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:]):
        return None
    return " chấm ".join(cardinal(int(part)) for part in parts)


def _alone(match: re.Match[str]) -> str:
    return digits(match[0]) if match[0].isdigit() and _CODED.search(before(match)) else read(match[0], "chấm")


_PHONES: tuple[Rule, ...] = (
    rule(rf"(?<![\w.+])\+\d{{1,3}}(?:{GAP}?\(?\d{{2,4}}\)?){{2,5}}(?![\w])(?![.,-]\d)", _phone),
    rule(rf"(?<![\w.,-])\(0\d{{1,3}}\)(?:{GAP}?\d{{2,4}}){{2,3}}(?!\w)", _phone),
    rule(r"(?<![\w.,-])0\d{8,10}(?![\w])(?![.,]\d)", _phone),
    rule(rf"(?<![\w.,-])0\d{{1,3}}(?:{GAP}\d{{3,4}}){{2,3}}(?![\w])(?![.,]\d)", _phone),
    rule(rf"(?<![\w.,-])1[89]00(?:{GAP}?\d{{2,6}}){{1,2}}(?!\w)", _hotline),
    rule(rf"(?<![\w.,-])\d{{3,11}}(?:{GAP}\d{{2,5}})*(?![\w%])(?![.,]\d)", _hotline),
)

_ARITHMETIC: tuple[Rule, ...] = (
    rule(r"±\s?(?=\d)", "cộng trừ "),
    rule(r"[~≈]\s?(?=\d)", "khoảng "),
    rule(r"(?<![^\s(])(?<!\d\s)(?<!%\s)[-−](?=\d)", "âm "),
    rule(r"(?<![^\s(])\+(?=\d)", "cộng "),
    rule(r"(?<=\d)\s?[x×*]\s?(?=\d)", " nhân "),
    rule(r"(?<=[\w)%‰€£$°])\s\+\s(?=[\w($£€.])", " cộng "),
    rule(r"(?<=\d)\+(?=\d)", " cộng "),
    rule(r"(?<=\d)(?:\s?÷\s?|\s:\s)(?=\d)", " chia "),
    rule(r"(?<=\d)\^(?=\d)", " mũ "),
    rule(r"(?<=[\w)%‰€£$°])\s?=\s?(?=[\w($£€.-])", " bằng "),
    rule(r"(?<=[\w%‰€£$°])\s<\s(?=[\w$£€-])", " nhỏ hơn "),
    rule(r"(?<=[\w%‰€£$°])\s>\s(?=[\w$£€-])", " lớn hơn "),
    rule(r"(?:(?<=\w)\s)?≤\s?(?=[\w$£€-])", " nhỏ hơn hoặc bằng "),
    rule(r"(?:(?<=\w)\s)?≥\s?(?=[\w$£€-])", " lớn hơn hoặc bằng "),
)

_ORDINALS: tuple[Rule, ...] = (rule(r"(\b(?:[Tt]hứ|[Tt]háng)\s)(\d{1,3})(?![\w/])(?![.,]\d)", _ordinal),)


_NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])\d+(?:\.\d+){2,}(?![\w])", _version),
    rule(rf"(?<![\w])(?:[^\W\d_]+{DASH}?\d+|\d+{DASH}?[^\W\d_]+)[\w]*(?!\w)", code),
    rule(rf"(?<![\d]){NUMBER}(?!\d)", _alone),
    rule(r"\d", lambda m: f" {digits(m[0])} "),
)


_REST: tuple[Rule, ...] = (
    rule(r"(?<=\w)\s?&\s?(?=\w)", " và "),
    rule(r"(?<=[^\W\d_])/(?=[^\W\d_])", " "),
    rule(r"#(?=\w)", "số "),
    rule(r"@(?=\w)", "a còng "),
    rule(r"(?<=\w)%", " phần trăm"),
    UNSPACED,
)

_STAGES = (
    PREPARED,
    internet.rules(_SIGNS, digits),
    GLUED,
    _PHONES,
    vi_words.RULES,
    vi_dates.RULES,
    vi_words.ROMAN,
    _ARITHMETIC,
    vi_amounts.RULES,
    _ORDINALS,
    _NUMBERS,
    _REST,
)


def normalise(text: str) -> str:
    """The text in words. `text`: clean, as models.text.clean gives it."""
    for stage in _STAGES:
        text = rewrite(text, stage)
    return vi_words.by_library(text)
