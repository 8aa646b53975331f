"""Vietnamese dates and times of day."""

import re

from models.normalise import roman
from models.normalise.rules import DASH, Rule, after, before, rule
from models.normalise.vi_numbers import cardinal, month

_BEFORE_DATE = re.compile(
    r"(?:\b(?:ngày|hôm|hôm nay|hôm qua|hôm sau|mai|sáng|trưa|chiều|tối|đêm|khuya|từ|đến|tới|mùng|mồng|dịp|lễ|hạn|trước|"
    r"sau|vào|và|qua|(?:thứ|chủ) \w+,?|rằm|tết)|[,(]) *$"
)
_NAMED = re.compile(r"\b(?:ngày|mùng|mồng|rằm)(?: [\w ]+ đến)? *$")
_BEFORE_OTHER = re.compile(
    r"\b(?:số|số nhà|nhà|hẻm|ngõ|ngách|kiệt|đường|điểm|đạt|được|bài|khoảng|hơn|gần|chừng|còn|chiếm|"
    r"nghị định|thông tư|quyết định|luật|công văn) *$"
)
_DAY_AND = rf"(\d{{1,2}})\s?{DASH}\s?"
_ENDED = r"(?![\w/.-]*\d)(?!\w)"


def _day(day: int, number: int, year: int | None = None) -> str | None:
    """`number`: of the month."""
    if not (1 <= day <= 31 and 1 <= number <= 12):
        return None
    words = f"{cardinal(day)} tháng {month(number)}"
    return words if year is None else f"{words} năm {cardinal(year)}"


def _named(match: re.Match[str], date: str | None) -> str | None:
    """The date behind the word ngày, unless that stands there."""
    return date if date is None or _NAMED.search(before(match)) else f"ngày {date}"


def _full(match: re.Match[str]) -> str | None:
    day, number, year = map(int, match.group(1, 3, 4))
    if len(match[4]) == 2:
        year += 2000 if year < 70 else 1900
    return _named(match, _day(day, number, year))


def _iso(match: re.Match[str]) -> str | None:
    year, number, day = map(int, match.groups())
    return _named(match, _day(day, number, year))


def _short(match: re.Match[str]) -> str | None:
    """Day and month, where it is no fraction: `30/4` is none, and `1/5` is none behind a word that wants a date."""
    day, number = map(int, match.groups())
    told = _BEFORE_DATE.search(before(match))
    if _BEFORE_OTHER.search(before(match)) or not (told or day > number) or day < 1:
        return None
    if not told and (match[0] == "24/7" or re.match(r" *(?:điểm|số phiếu)\b", after(match))):
        return None
    return _named(match, _day(day, number))


def _days(match: re.Match[str]) -> str | None:
    """`20-25/11`."""
    first, last, number = map(int, match.groups())
    date = _day(last, number)
    return _named(match, f"{cardinal(first)} đến {date}" if date and first < last else None)


def _month_and_year(match: re.Match[str]) -> str | None:
    number, year = map(int, match.group(2, 3))
    if not 1 <= number <= 12 or not (match[1] or 1900 <= year <= 2100) or _BEFORE_OTHER.search(before(match)):
        return None
    return f"{match[1] or 'tháng '}{month(number)} năm {cardinal(year)}"


def _quarter(match: re.Match[str]) -> str | None:
    number = roman.value(match[2]) if match[2].isalpha() else int(match[2])
    return f"{match[1]}{cardinal(number)} năm {cardinal(int(match[3]))}" if number else None


def _clock(match: re.Match[str]) -> str | None:
    """Hours, minutes, seconds, as far as they are there."""
    hours, minutes, seconds = (None if part is None or part == "" else int(part) for part in match.group(1, 2, 3))
    if hours is None or hours > 24 or (minutes or 0) > 59 or (seconds or 0) > 59:
        return None
    words = f"{cardinal(hours)} giờ"
    if minutes or seconds:
        words += f" {cardinal(minutes or 0)} phút"
    return f"{words} {cardinal(seconds)} giây" if seconds else words


def _until(match: re.Match[str]) -> str:
    return f"{match[1]} đến "


RULES: tuple[Rule, ...] = (
    rule(rf"(?<![\w/.-])(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}){_ENDED}", _full),
    rule(rf"(?<![\w/.-])(\d{{1,2}})(/)(\d{{1,2}})/(\d{{2}}){_ENDED}", _full),
    rule(rf"(?<![\w/.-])(\d{{4}})-(\d{{2}})-(\d{{2}}){_ENDED}", _iso),
    rule(rf"(?<![\w/.-]){_DAY_AND}(\d{{1,2}})/(\d{{1,2}}){_ENDED}", _days),
    rule(rf"((?:\b[Tt]háng )?)(?<![\w/.-])(\d{{1,2}})[/-](\d{{4}}){_ENDED}(?!/)", _month_and_year),
    rule(rf"\b([Qq]uý )([IV]+|[1-4])[/-](\d{{4}}){_ENDED}", _quarter),
    rule(rf"(?<![\w/.,-])(\d{{1,2}})/(\d{{1,2}}){_ENDED}(?!%)", _short),
    rule(r"(?<![\w:.,/])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\w:])(?![.,]\d)", _clock),
    rule(r"(?<![\w:.,/])(\d{1,2})[hg](?:([0-5]?\d)(?:['′p]|ph)?)?()(?!\w)", _clock),
    rule(rf"(\b(?:giờ|phút|giây))\s?{DASH}\s?(?=\w+ (?:giờ|\w+ giờ))", _until),
)
"""Longer forms first. A time of day is a range's end only when both are times."""
