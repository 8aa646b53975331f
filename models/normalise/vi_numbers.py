"""Vietnamese numerals: mốt, tư and lăm behind mươi, linh for an empty tens place, groups of three."""

import re

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_AFTER_TENS = {1: "mốt", 4: "tư", 5: "lăm"}
_AFTER_LINH = {4: "tư"}
_AFTER: dict[int, dict[int, str]] = {0: {}, 1: {5: "lăm"}}
_SCALES = ((10**6, "triệu"), (10**3, "nghìn"))
_BILLION = 10**9

# Longer ones are identifiers: nobody would follow the words.
_MOST_DIGITS = 15

NUMBER = (
    r"(?:\d{1,3}(?:\.\d{3})+(?!\d)(?:,\d+)?"  # 1.234.567,8
    r"|\d{1,3}(?: \d{3})+(?!\d)(?:,\d+)?"  # 1 234 567,8
    r"|\d{1,3}(?:,\d{3})+\.\d{1,2}(?!\d)"  # 1,234.56, as in English
    r"|\d{1,3}(?:,\d{3}){2,}(?!\d)"  # 1,234,567
    r"|\d+(?:[.,]\d+)?)"
)
"""A number as it is written in Vietnamese: a period or space parts the thousands, a comma the decimals."""

_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?:,\d{3}){2,}|[1-9]\d{0,2}(?: \d{3})+")


def cardinal(number: int) -> str:
    """1005 → một nghìn không trăm linh năm. `number`: 0 or more."""
    return " ".join(_words(number, full=False)) or _DIGITS[0]


def digits(text: str) -> str:
    """All digits, one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in text if digit.isdecimal())


def month(number: int) -> str:
    """The fourth month is called tư, not bốn."""
    return "tư" if number == 4 else cardinal(number)


def read(text: str, point: str = "phẩy") -> str:
    """A number as `NUMBER` matches it. `point`: how a period is read that parts decimals."""
    text = text.replace("\u00a0", " ")
    last = max(text.rfind("."), text.rfind(","))
    if _GROUPED.fullmatch(text):
        return _whole(re.sub("[., ]", "", text))
    if last < 0:
        return _whole(text.replace(" ", ""))
    whole = re.sub("[., ]", "", text[:last])
    sign = "phẩy" if text[last] == "," else point
    return f"{_whole(whole)} {sign} {_decimals(text[last + 1 :])}"


def _whole(text: str) -> str:
    if len(text) > _MOST_DIGITS or (text.startswith("0") and len(text) > 1):
        return digits(text)
    return cardinal(int(text))


def _decimals(text: str) -> str:
    """As one number up to three places, as schools teach it; one by one where zeros lead, or there are more."""
    return digits(text) if text.startswith("0") or len(text) > 3 else cardinal(int(text))


def _words(number: int, *, full: bool) -> list[str]:
    """`full`: something was read before, so that an empty hundreds place is read too."""
    words: list[str] = []
    if number >= _BILLION:
        words += [*_words(number // _BILLION, full=full), "tỷ"]
        number %= _BILLION
    for scale, name in _SCALES:
        if number >= scale:
            words += [*_triple(number // scale, full=full or bool(words)), name]
            number %= scale
    return words + (_triple(number, full=full or bool(words)) if number else [])


def _triple(number: int, *, full: bool) -> list[str]:
    hundreds, rest = divmod(number, 100)
    tens, unit = divmod(rest, 10)
    words = [_DIGITS[hundreds], "trăm"] if hundreds or full else []
    if words and rest and not tens:
        words.append("linh")
    special = _AFTER.get(tens, _AFTER_TENS)
    if tens == 1:
        words.append("mười")
    elif tens:
        words += [_DIGITS[tens], "mươi"]
    elif words:
        special = _AFTER_LINH
    return [*words, special.get(unit, _DIGITS[unit])] if unit else words
