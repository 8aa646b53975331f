"""English as it is read: numbers, dates, money, units, signs and abbreviations in words."""

import re
from functools import cache

from models.normalise import en_amounts, en_dates, en_words, internet
from models.normalise.en_numbers import NUMBER, digits, installed, read
from models.normalise.rules import DASH, UNSPACED, Rule, before, rewrite, rule
from models.normalise.written import GAP, GLUED, PREPARED, code

REVISION = "en 1"
"""Changed whenever a text could be read in other words."""

_SIGNS = {
    ".": "dot", "/": "slash", ":": "colon", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus",
}  # fmt: skip

_CALLED = re.compile(r"\b(?:call|called|dial|dialed|phone|tel|hotline|fax)\.?\s*:?\s*$")
_CODED = re.compile(r"\b(?:code|pin|otp|agent|zip)\s*:?\s*$")


def _phone(match: re.Match[str]) -> str | None:
    """Digit by digit, with the pauses it was written with."""
    if not 7 <= sum(map(str.isdigit, match[0])) <= 15:
        return None
    groups = [digits(group) for group in re.split(r"[ .()-]+", match[0].replace("+", "")) if group]
    return ("plus " if "+" in match[0] else "") + ", ".join(groups)


def _called(match: re.Match[str]) -> str | None:
    seen = before(match)
    if not (_CALLED.search(seen) or _CODED.search(seen)):
        return None
    return ", ".join(digits(group) for group in re.split(GAP, match[0]))


def _version(match: re.Match[str]) -> str:
    return " point ".join(read(part) for part in match[0].split("."))


_PHONES: tuple[Rule, ...] = (
    rule(rf"(?<![\w.+])\+\d{{1,3}}(?:{GAP}?\(?\d{{2,4}}\)?){{2,5}}(?!\w)(?![.,-]\d)", _phone),
    rule(rf"(?<![\w.,-])\(\d{{3}}\){GAP}?\d{{3}}{GAP}\d{{4}}(?!\w)", _phone),
    rule(rf"(?<![\w.,-])(?:1{GAP})?\d{{3}}{GAP}\d{{3}}{GAP}\d{{4}}(?!\w)(?![.,-]\d)", _phone),
    rule(r"(?<![\w.,-])\d{3}-\d{4}(?!\w)(?![.,-]\d)", _phone),
    rule(rf"(?<![\w.,-])\d{{3,11}}(?:{GAP}\d{{2,5}})*(?![\w%])(?![.,]\d)", _called),
)

_ARITHMETIC: tuple[Rule, ...] = (
    rule(r"±\s?(?=\d)", "plus or minus "),
    rule(r"[~≈]\s?(?=\d)", "about "),
    rule(r"(?<![^\s(])(?<!\d\s)(?<!%\s)[-−](?=[$£€]?\.?\d)", "minus "),
    rule(r"(?<![^\s(])\+(?=\d)", "plus "),
    rule(r"(?<=\d)\s?[x×*]\s?(?=\d)", " times "),
    rule(r"(?<=[\w)%‰€£$°])\s\+\s(?=[\w($£€.])", " plus "),
    rule(r"(?<=\d)\+(?=\d)", " plus "),
    rule(r"(?<=\d)\s[/÷]\s(?=\d)", " divided by "),
    rule(r"(?<=\d)\^(?=\d)", " to the power of "),
    rule(r"(?<=[\w)%‰€£$°])\s?=\s?(?=[\w($£€.-])", " equals "),
    rule(r"(?<=[\w%‰€£$°])\s<\s(?=[\w$£€-])", " is less than "),
    rule(r"(?<=[\w%‰€£$°])\s>\s(?=[\w$£€-])", " is greater than "),
)

_NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])\d+(?:\.\d+){2,}(?!\w)", _version),
    rule(rf"(?<!\w)(?:[^\W\d_]+{DASH}?\d+|\d+{DASH}?[^\W\d_]+)\w*(?!\w)", code),
    rule(r"(?<=\d)\+(?!\w)", " plus"),
    rule(
        rf"(?<!\d){NUMBER}(?!\d)", lambda m: digits(m[0]) if m[0].isdigit() and _CODED.search(before(m)) else read(m[0])
    ),
    rule(r"\d", lambda m: f" {digits(m[0])} "),
    rule(r"(?<=\w)%", " percent"),
    rule(r"@(?=\w)", "at "),
    rule(r"(?<=\w)\s?&\s?(?=\w)", " and "),
    UNSPACED,
)


@cache
def _stages(day_first: bool) -> tuple[tuple[Rule, ...], ...]:
    return (
        PREPARED,
        internet.rules(_SIGNS, digits),
        GLUED,
        _PHONES,
        tuple(en_dates.rules(day_first=day_first)),
        en_words.RULES,
        en_words.ROMAN,
        _ARITHMETIC,
        en_amounts.RULES,
        _NUMBERS,
    )


def normalise(text: str, *, day_first: bool = False) -> str:
    """The text in words; as it is where num2words is not installed.

    `text`: clean, as models.text.clean gives it. `day_first`: `3/4/2024` is in April, as everywhere but in America.
    """
    if not installed():
        return text
    for stage in _stages(day_first):
        text = rewrite(text, stage)
    return text
