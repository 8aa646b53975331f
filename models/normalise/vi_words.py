"""Vietnamese abbreviations: our own where the library is wrong or silent, then those that g2p-hamster knows."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from models.normalise import roman
from models.normalise.rules import Rule, alternatives, ends_sentence, rule, sentences_with
from models.normalise.vi_numbers import cardinal

_CITY = "thành phố"
_SHORT = {
    "SĐT": "số điện thoại", "SDT": "số điện thoại", "ĐT": "điện thoại", "CCCD": "căn cước công dân",
    "CMND": "chứng minh nhân dân", "BHXH": "bảo hiểm xã hội", "BHYT": "bảo hiểm y tế", "TNCN": "thu nhập cá nhân",
    "UBND": "ủy ban nhân dân", "HĐND": "hội đồng nhân dân", "QĐ": "quyết định", "NĐ": "nghị định", "TT": "thông tư",
    "NQ": "nghị quyết", "QH": "quốc hội", "CP": "chính phủ", "TTg": "thủ tướng", "THPT": "trung học phổ thông",
    "THCS": "trung học cơ sở", "TPHCM": "thành phố Hồ Chí Minh", "TP HCM": "thành phố Hồ Chí Minh", "VN": "Việt Nam",
}  # fmt: skip
_LEGAL = ("QĐ", "NĐ", "TT", "NQ", "QH", "CP", "TTg", "UBND", "HĐND")
_TITLES = {
    "GS": "giáo sư", "PGS": "phó giáo sư", "TS": "tiến sĩ", "ThS": "thạc sĩ", "Ths": "thạc sĩ", "BS": "bác sĩ",
    "Bs": "bác sĩ", "KTS": "kiến trúc sư", "LS": "luật sư", "KS": "kỹ sư", "DS": "dược sĩ", "CN": "cử nhân",
    "NSND": "nghệ sĩ nhân dân", "NSƯT": "nghệ sĩ ưu tú", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miss",
    "Dr": "Doctor", "Tx": "thị xã", "TX": "thị xã", "Tp": _CITY, "TP": _CITY, "Tt": "thị trấn",
}  # fmt: skip
_PLACES = {"Q": "quận", "P": "phường", "H": "huyện", "X": "xã", "F": "phường"}
_ALWAYS = tuple(set(_SHORT) - set(_LEGAL) | {"UBND", "HĐND"})

# Words behind which a Roman numeral stands, one letter of it too.
_NUMBERED = (
    "thế kỷ|thế kỉ|chương|phần|tập|quyển|khóa|khoá|kỳ|kì|thứ|hạng|cấp|loại|quý|mục|hồi|vòng|màn|cảnh|đại hội|hội nghị|"
    "quân khu|quân đoàn|vùng|bảng|phụ lục|điều|giai đoạn|bậc|type|tuýp"
)

RULES: tuple[Rule, ...] = (
    rule(r"\bT[Pp]\.?\s?HCM\b", "thành phố Hồ Chí Minh"),
    rule(r"\bT[Pp]\.?\s?(HN|ĐN)\b", lambda m: f"{_CITY} {'Hà Nội' if m[1] == 'HN' else 'Đà Nẵng'}"),
    rule(rf"\b({alternatives(_PLACES)})\.\s?(?=\d)", lambda m: f"{_PLACES[m[1]]} "),
    rule(r"\b[vV]\.\s?v(\.\.\.|…|\.)?(?!\w)", lambda m: "vân vân" + _stop(m)),
    rule(r"\b[vV][dD]\b\.?(?=\s?:|\s)", lambda m: _like(m[0], "ví dụ")),
    rule(rf"/({alternatives(_LEGAL)})-({alternatives(_LEGAL)})\b", lambda m: f" trên {_SHORT[m[1]]} {_SHORT[m[2]]}"),
    rule(r"(?<=\d)/QH(?=\d)", " trên quốc hội "),
    rule(rf"\b((?:(?:{alternatives(_TITLES)})\.\s?)+)(?=\w)", lambda m: _titles(m[1])),
    rule(rf"(?<![\w-])({alternatives(_ALWAYS)})(?![\w-])", lambda m: _SHORT[m[1]]),
)

ROMAN: tuple[Rule, ...] = (
    rule(rf"\b((?i:{_NUMBERED})\s)({roman.PATTERN})\b(?!\.\w)", lambda m: _numeral(m[1], m[2])),
    rule(r"\b([^\W\d_]\w+ )([IVX]{2,})\b(?!\.\w)", lambda m: _numeral(m[1], m[2]) if m[1][0].isupper() else None),
)


def _numeral(head: str, numeral: str) -> str | None:
    number = roman.value(numeral)
    return f"{head}{cardinal(number)}" if number else None


def _titles(written: str) -> str:
    """`PGS.TS. ` → `phó giáo sư tiến sĩ `."""
    return "".join(f"{_TITLES[part.strip()]} " for part in written.split(".") if part.strip())


def _stop(match: re.Match[str]) -> str:
    """The last period of an abbreviation is the sentence's too, where that ends."""
    dots = match[1] or ""
    return dots if len(dots) > 1 or dots == "…" else "." if dots and ends_sentence(match) else ""


def _like(written: str, words: str) -> str:
    return words.capitalize() if written[0].isupper() and not written[1:2].isupper() else words


# What may be an abbreviation to the library: capitals, one beside another. A single letter stays one.
_CAPITALS = re.compile(r"(?<![\w.-])[A-ZĐƯÂÊÔƠĂ]{2,6}(?![\w.-]*\w)")
_CATEGORIES = {"acronym", "abbr"}

# How the library spells: voices spell capitals too, so these stay as they were written.
_LETTER_NAMES = frozenset("a ai bi di eks i iu kiu pi ti vi wai xi zét âu ét ép êch ê êm ên đap-lyu đi đê".split())  # noqa: SIM905


def by_library(text: str) -> str:
    """Abbreviations in capitals, as g2p-hamster reads them; the text as it is where that is not installed.

    Nothing else is left to it: of words, numbers and punctuation it drops or respells some.
    """
    normalize = _library()
    if normalize is None:
        return text
    return "".join(_expanded(line, normalize) if found else line for found, line in sentences_with(_CAPITALS, text))


@cache
def _library() -> Callable[[str], dict[str, Any]] | None:
    try:
        from g2p_hamster.t0.pipeline import normalize
    except ImportError:
        return None
    read: Callable[[str], dict[str, Any]] = normalize
    return read


def _expanded(line: str, normalize: Callable[[str], dict[str, Any]]) -> str:
    letters = [c for c in line if c.isalpha()]
    if sum(map(str.isupper, letters)) * 2 > len(letters):
        return line  # a heading in capitals: its words are no abbreviations
    verbal = {
        token["surface"].rstrip("."): token["verbal"]
        for token in normalize(line)["tokens"]
        if token["cat"] in _CATEGORIES and not _is_spelled(token["verbal"])
    }
    return _CAPITALS.sub(lambda match: verbal.get(match[0], match[0]), line)


def _is_spelled(words: str) -> bool:
    return all(len(word) < 2 or word in _LETTER_NAMES for word in words.split())
