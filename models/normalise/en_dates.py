"""English dates, years and times of day."""

import re
from collections.abc import Iterator

from models.normalise.en_numbers import cardinal, ordinal, year, years
from models.normalise.rules import DASH, Rule, after, alternatives, before, ends_sentence, rule

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT = {name[:3]: name for name in _MONTHS} | {"Sept": "September"}
_MONTH = rf"(?:(?:{alternatives(_MONTHS)})\b|(?:{alternatives(_SHORT)})\b\.?)"
_DAY = r"(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"([1-9]\d{3})"
_ENDED = r"(?![\w/-]*\d)(?!\w)"

_BEFORE_YEAR = (
    "in|since|by|of|from|until|till|to|through|before|after|during|early|late|mid|around|circa|about|year|summer|"
    "winter|spring|autumn|fall|between|and|class of|copyright|©|\\(c\\)"
)
_YEARS = "[1-9]\\d{3}"
_LATER = {"a": "AM", "p": "PM"}


def _month(name: str) -> str:
    """`Jan.` → January."""
    short = name.rstrip(".")
    return _SHORT.get(short, short)


def _date(day: int, month: int, number: int | None = None) -> str | None:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    words = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return words if number is None else f"{words}, {year(number)}"


def _numeric(first: int, second: int, number: int, *, day_first: bool) -> str | None:
    day, month = (first, second) if (day_first or first > 12) and second <= 12 else (second, first)
    return _date(day, month, number)


def _named(match: re.Match[str]) -> str | None:
    """`March 4, 2024`; the year may be missing."""
    if match[1] == "May" and not match[3] and not re.search(r"\b(?:on|of|by|until|since|from|to|in)\s$", before(match)):
        return None  # "you may 5 …" is not meant, but "May 5 people come?" could be
    words = f"{_month(match[1])} {ordinal(int(match[2]))}"
    return f"{words}, {year(int(match[3]))}" if match[3] else words


def _day_before(match: re.Match[str]) -> str:
    """`4 March 2024`."""
    the = "" if re.search(r"\bthe\s$", before(match)) else "the "
    words = f"{the}{ordinal(int(match[1]))} of {_month(match[2])}"
    return f"{words} {year(int(match[3]))}" if match[3] else words


def _century(written: str) -> int:
    """`24` is 2024 and `98` is 1998."""
    number = int(written)
    return number if len(written) > 2 else number + (2000 if number < 70 else 1900)


def _alone(match: re.Match[str]) -> str | None:
    """Four digits without a comma are most likely a year, unless something is counted."""
    return None if re.match(r"\s?(?:people|[a-z]+s)\b", after(match)) else year(int(match[0]))


def _in_year(match: re.Match[str]) -> str | None:
    """A number of four digits behind a word that goes before years, unless it counts something."""
    if re.match(
        r"\s(?:[\w-]+ )?(?:people|men|women|items|times|dollars|percent|miles|meters|feet|years|words)\b", after(match)
    ):
        return None
    number = int(match[2])
    return f"{match[1]}{year(number)}" if 1100 <= number <= 2099 else None


def _year_range(match: re.Match[str]) -> str | None:
    first, last = int(match[1]), int(match[2])
    return f"{year(first)} to {year(last)}" if 1100 <= first < last <= 2099 else None


def _clock(match: re.Match[str]) -> str | None:
    hours, minutes, half = int(match[1]), match[2], match[3]
    if hours > 24:
        return None
    if half:
        stop = "." if half.endswith(".") and ends_sentence(match) else ""
        return f"{cardinal(hours)}{_minutes(minutes)} {_LATER[half[0].lower()]}{stop}"
    if minutes == "00":
        return f"{cardinal(hours)} o'clock" if hours <= 12 else f"{cardinal(hours)} hundred"
    return cardinal(hours) + _minutes(minutes)


def _minutes(minutes: str | None) -> str:
    if not minutes or minutes == "00":
        return ""
    return f" oh {cardinal(int(minutes))}" if minutes.startswith("0") else f" {cardinal(int(minutes))}"


def rules(*, day_first: bool) -> Iterator[Rule]:
    """Longer forms first. `day_first`: `3/4/2024` is in April."""

    def numeric(match: re.Match[str]) -> str | None:
        first, second, number = int(match[1]), int(match[3]), _century(match[4])
        return _numeric(first, second, number, day_first=day_first)

    yield rule(rf"(?<![\w/.-])(\d{{1,2}})([/.-])(\d{{1,2}})\2{_YEAR}{_ENDED}", numeric)
    yield rule(rf"(?<![\w/.-])(\d{{1,2}})(/)(\d{{1,2}})/(\d{{2}}){_ENDED}", numeric)
    yield rule(rf"(?<![\w/.-]){_YEAR}-(\d{{2}})-(\d{{2}}){_ENDED}", lambda m: _date(int(m[3]), int(m[2]), int(m[1])))
    yield rule(rf"\b{_MONTH_GROUP}\s{_DAY}(?!\w)(?![.,:]\d)(?:,?\s{_YEAR}\b(?![,.]?\d))?", _named)
    yield rule(rf"(?<![\w.,]){_DAY}\s{_MONTH_GROUP}(?:,?\s{_YEAR}\b(?![,.]?\d))?(?!\w)", _day_before)
    yield rule(rf"\b{_MONTH_GROUP},?\s{_YEAR}\b(?![,.]?\d)", lambda m: f"{_month(m[1])} {year(int(m[2]))}")
    yield rule(r"(?<![\w.,])([1-9]\d{2}0)['’]?s\b", lambda m: years(int(m[1])))
    yield rule(r"(?<!\w)['’](\d0)s\b", lambda m: years(int(m[1])))
    yield rule(rf"(?<![\w.,/-])({_YEARS})\s?{DASH}\s?({_YEARS})(?![\w/-])(?![.,]\d)", _year_range)
    yield rule(rf"(?<![\w-])((?i:{_BEFORE_YEAR})[\s-])({_YEARS})(?![\w/%°-])(?![.,:]\d)", _in_year)
    yield rule(rf"(?<![\w.,])({_YEARS})(?=\s(?:AD|BC|CE|BCE)\b)", lambda m: year(int(m[1])))
    yield rule(r"(?<![\w:.,])(\d{1,2}):([0-5]\d)\s?([ap]\.?m\b\.?|[AP]\.?M\b\.?)", _clock)
    yield rule(r"(?<![\w:.,])(\d{1,2})()\s?([ap]\.m\.|[ap]m\b|[AP]\.M\.|[AP]M\b)", _clock)
    yield rule(r"(?<![\w:.,])(\d{1,2}):([0-5]\d)()(?![\w:])(?![.,]\d)", _clock)
    yield rule(r"(?<![\w.,:/$£€¥#+-])(?:19|20)\d{2}(?![\w/%°$£€:-])(?![.,]\d)", _alone)
    yield rule(rf"(?<=o'clock)\s?{DASH}\s?(?=\w)", " to ")


_MONTH_GROUP = rf"({_MONTH})"
