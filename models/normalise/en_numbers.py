"""English numerals, by num2words: cardinals, ordinals, years and decimals."""

import re
from functools import cache
from typing import Any

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<![\w.])\.\d+)"
"""A number as it is written in English: a comma parts the thousands, a period the decimals."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MOST_DIGITS = 15
_FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}


@cache
def _library() -> Any:
    from num2words import num2words

    return num2words


def installed() -> bool:
    """Whether the library is there: without it English is not normalised."""
    try:
        _library()
    except ImportError:
        return False
    return True


def cardinal(number: int) -> str:
    """1234 → one thousand two hundred and thirty-four."""
    return _plain(_library()(number))


def ordinal(number: int) -> str:
    """21 → twenty-first."""
    return _plain(_library()(number, to="ordinal"))


def year(number: int) -> str:
    """1905 → nineteen oh five."""
    return _plain(_library()(number, to="year")).replace("oh-", "oh ")


def years(number: int) -> str:
    """1990 → nineteen nineties."""
    words = year(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def digits(text: str) -> str:
    """All digits, one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in text if digit.isdecimal())


def fraction(above: int, below: int) -> str | None:
    """3, 4 → three quarters; None for what has no such name."""
    if above < 1 or below < 2 or below > 100:
        return None
    one, many = _FRACTIONS.get(below) or (ordinal(below), ordinal(below) + "s")
    return f"{cardinal(above)} {one if above == 1 else many}"


def read(text: str) -> str:
    """A number as `NUMBER` matches it."""
    whole, point, decimals = text.replace(",", "").partition(".")
    words = _whole(whole) if whole else ""
    return f"{words} point {digits(decimals)}".strip() if point else words


def _whole(text: str) -> str:
    if len(text) > _MOST_DIGITS or (text.startswith("0") and len(text) > 1):
        return digits(text)
    return cardinal(int(text))


def _plain(words: str) -> str:
    """Without the commas between groups: they would be read as pauses."""
    return re.sub(",", "", words)
