"""English as it is read: numbers, dates, money, units, signs and abbreviations in words."""

import re
from functools import cache

from models.normalise import en_amounts, en_dates, en_words, internet
from models.normalise.en_numbers import NUMBER, digits, installed, read
from models.normalise.rules import DASH, UNSPACED, Rule, before, rewrite, rule

REVISION = "en 1"
"""Changed whenever a text could be read in other words."""

_SIGNS = {
    ".": "dot", "/": "slash", ":": "colon", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus",
}  # fmt: skip

_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_CALLED = re.compile(r"\b(?:call|called|dial|dialed|phone|tel|hotline|fax)\.?\s*:?\s*$")
_CODED = re.compile(r"\b(?:code|pin|otp|agent|zip)\s*:?\s*$")
_GAP = r"[ .-]"


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
    return ", ".join(digits(group) for group in re.split(_GAP, match[0]))


def _version(match: re.Match[str]) -> str:
    return " point ".join(read(part) for part in match[0].split("."))


def _code(match: re.Match[str]) -> str:
    """Letters and digits in one: the digits are a number of their own (4G, B12, COVID-19)."""
    return re.sub(rf"(?<=[^\W\d_]){DASH}?(?=\d)|(?<=\d){DASH}?(?=[^\W\d_])", " ", match[0])


_PREPARED: tuple[Rule, ...] = (
    rule(r"(?<=\w)(?=https?://)", " "),
    rule("(?<=\\d)[\u00a0\u2007\u2009\u202f](?=\\d)", " "),
    rule("[½⅓⅔¼¾⅕⅛]", lambda m: (" " if m.string[m.start() - 1 : m.start()].isdigit() else "") + _FRACTIONS[m[0]]),
    rule("[０-９]", lambda m: str(int(m[0]))),
)

# A number and a word that were written as one.
_GLUED: tuple[Rule, ...] = (rule(r"(?<=\d)(?=[^\W\d_]{4})", " "),)

_PHONES: tuple[Rule, ...] = (
    rule(rf"(?<![\w.+])\+\d{{1,3}}(?:{_GAP}?\(?\d{{2,4}}\)?){{2,5}}(?!\w)(?![.,-]\d)", _phone),
    rule(rf"(?<![\w.,-])\(\d{{3}}\){_GAP}?\d{{3}}{_GAP}\d{{4}}(?!\w)", _phone),
    rule(rf"(?<![\w.,-])(?:1{_GAP})?\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{4}}(?!\w)(?![.,-]\d)", _phone),
    rule(r"(?<![\w.,-])\d{3}-\d{4}(?!\w)(?![.,-]\d)", _phone),
    rule(rf"(?<![\w.,-])\d{{3,11}}(?:{_GAP}\d{{2,5}})*(?![\w%])(?![.,]\d)", _called),
)

_ARITHMETIC: tuple[Rule, ...] = (
    rule(r"±\s?(?=\d)", "plus or minus "),
    rule(r"(?<=\d)\s?[x×*]\s?(?=\d)", " times "),
    rule(r"(?<=[\w)%‰€£$°])\s\+\s(?=[\w($£€.])", " plus "),
    rule(r"(?<=\d)\+(?=\d)", " plus "),
    rule(r"(?<=\d)\s[/÷]\s(?=\d)", " divided by "),
    rule(r"(?<=\d)\^(?=\d)", " to the power of "),
    rule(r"(?<=[\w)%‰€£$°])\s?=\s?(?=[\w($£€.-])", " equals "),
    rule(r"(?<=[\w%‰€£$°])\s<\s(?=[\w$£€-])", " is less than "),
    rule(r"(?<=[\w%‰€£$°])\s>\s(?=[\w$£€-])", " is greater than "),
    rule(r"[~≈]\s?(?=\d)", "about "),
    rule(r"(?<![^\s(])(?<!\d\s)(?<!%\s)[-−](?=[$£€]?\.?\d)", "minus "),
    rule(r"(?<![^\s(])\+(?=\d)", "plus "),
)

_NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])\d+(?:\.\d+){2,}(?!\w)", _version),
    rule(rf"(?<!\w)(?:[^\W\d_]+{DASH}?\d+|\d+{DASH}?[^\W\d_]+)\w*(?!\w)", _code),
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
        _PREPARED,
        internet.rules(_SIGNS, digits),
        _GLUED,
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
