"""English money, percentages, units, fractions, ranges and scores."""

import re

from models.normalise.en_numbers import NUMBER, cardinal, digits, fraction, ordinal, read
from models.normalise.rules import DASH, Rule, after, alternatives, rule

# One, many, and their hundredth part.
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₫": ("dong", "dong", "xu", "xu"), "₹": ("rupee", "rupees", "paisa", "paise"),
}  # fmt: skip
_CODES = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "VND": "₫", "INR": "₹"}
_MAGNITUDES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion",
               "B": "billion", "tn": "trillion"}  # fmt: skip
_WORDS = ("thousand", "million", "billion", "trillion")

UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter", "nm": "nanometer", "µm": "micrometer",
    "kg": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram", "l": "liter", "L": "liter",
    "ml": "milliliter", "mL": "milliliter", "ha": "hectare", "mi": "mile", "yd": "yard", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "gal": "gallon", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt hour", "W": "watt",
    "V": "volt", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "KB": "kilobyte",
    "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "dB": "decibel", "min": "minute",
    "mins": "minute", "hr": "hour", "hrs": "hour", "sec": "second", "secs": "second", "ft": "foot",
    "sq ft": "square foot", "mph": "mile per hour", "kph": "kilometer per hour", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "ms": "millisecond", "px": "pixel", "kcal": "kilocalorie", "cal": "calorie",
    "°C": "degree Celsius", "ºC": "degree Celsius", "°F": "degree Fahrenheit", "ºF": "degree Fahrenheit",
    "°": "degree",
}  # fmt: skip
_MANY = {"foot": "feet"}
_POWERS = {"2": "square", "²": "square", "3": "cubic", "³": "cubic"}
_PER = {"h": "hour", "hr": "hour", "s": "second", "sec": "second", "min": "minute", "day": "day", "week": "week",
        "month": "month", "year": "year", "yr": "year"}  # fmt: skip

_UNIT = alternatives(UNITS)
_PERS = alternatives(_PER)
_START = r"(?<![\w.,])"
_SYMBOL = "|".join(map(re.escape, _CURRENCIES))
_MAGNITUDE = rf"(?:\s(?:{'|'.join(_WORDS)})\b|(?:{alternatives(_MAGNITUDES)})\b)"


def _range(match: re.Match[str]) -> str:
    if re.match(r"\s*(?:=|equals\b)", after(match)):
        return f"{match[1]} minus {match[3]}"
    return f"{match[1]}{match[2]} to {match[3]}"


def _mixed(match: re.Match[str]) -> str | None:
    part = fraction(int(match[2]), int(match[3]))
    if part is None or int(match[2]) >= int(match[3]):
        return None
    return f"{read(match[1])} and {'a half' if part == 'one half' else part}"


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if above == below or match[0] in {"24/7", "9/11"}:
        return f"{cardinal(above)} {cardinal(below)}"
    words = fraction(above, below) if above < below else None
    return words or f"{cardinal(above)} over {cardinal(below)}"


def _money(amount: str, magnitude: str | None, symbol: str) -> str:
    one, many, cent, cents = _CURRENCIES[symbol]
    if magnitude:
        name = magnitude.strip()
        return f"{read(amount)} {_MAGNITUDES.get(name, name)} {many}"
    whole, _, part = amount.replace(",", "").partition(".")
    if len(part) != 2:
        return f"{read(amount)} {one if amount == '1' else many}"
    small = f"{cardinal(int(part))} {cent if int(part) == 1 else cents}" if int(part) else ""
    large = f"{read(whole)} {one if int(whole) == 1 else many}" if int(whole or 0) or not small else ""
    return " and ".join(filter(None, (large, small)))


def _unit(name: str, power: str | None, *, one: bool) -> str:
    """`m`, `2` → square meters."""
    head, space, tail = UNITS[name].partition(" ")
    if head == "square" or (head == "kilowatt" and tail):
        head, space, tail = f"{head} {tail}", "", ""
    if not one:
        first, _, last = head.rpartition(" ")
        head = f"{first} {_MANY.get(last) or (last if last.endswith('hertz') else last + 's')}".strip()
    return f"{_POWERS[power] + ' ' if power else ''}{head}{space}{tail}"


def _quantity(match: re.Match[str]) -> str:
    words = f"{read(match[1])} {_unit(match[2], match[3], one=match[1] == '1')}"
    return f"{words} per {_PER[match[4]]}" if match[4] else words


def _per(what: str) -> str:
    return _PER.get(what) or (_unit(what, None, one=True) if what in UNITS else what)


def _over(match: re.Match[str]) -> str:
    return f" per {_PER.get(match[1], match[1])}{' squared' if match[0][-1] in '²2' else ''}"


RULES: tuple[Rule, ...] = (
    # Three numbers and more in a row are an identifier.
    rule(rf"(?<![\w.,])\d+(?:{DASH}\d+){{2,}}(?!\w)", lambda m: ", ".join(map(digits, re.split(DASH, m[0])))),
    rule(rf"({_SYMBOL})\s?({NUMBER})\s?{DASH}\s?\1?({NUMBER})(?![/.-]?\d)", lambda m: f"{read(m[2])} to {m[1]}{m[3]}"),
    rule(r"(?<![\w.,])(\d+)['′’]\s?(\d+)(?:[\"″”]|'')", r"\1 ft \2 inches"),
    rule(rf"{_START}({NUMBER})(%?)\s?{DASH}\s?({NUMBER})(?!\d|[/.-]\d|\w*{DASH}\d)", _range),
    rule(r"(?<![\w/.,])(\d+)\s(\d{1,2})/(\d{1,2})(?![\w/])", _mixed),
    rule(rf"(?<![\w/.,-])(?<!{_SYMBOL})(\d+)/(\d+)(?![\w/]*\d)", _fraction),
    rule(r"(?<![\w:.,])(\d+):(\d+)(?![\w:])", lambda m: f"{read(m[1])} to {read(m[2])}"),
    rule(rf"(?:US)?({_SYMBOL})\s?({NUMBER})({_MAGNITUDE})?(?!\d)", lambda m: _money(m[2], m[3], m[1])),
    rule(rf"{_START}({NUMBER})({_MAGNITUDE})?\s?({_SYMBOL})(?!\w)", lambda m: _money(m[1], m[2], m[3])),
    rule(
        rf"{_START}({NUMBER})({_MAGNITUDE})?\s?({'|'.join(_CODES)})\b",
        lambda m: _money(m[1], m[2], _CODES[m[3]]),
    ),
    rule(rf"{_START}(\d+)\s?¢", lambda m: f"{read(m[1])} {'cent' if m[1] == '1' else 'cents'}"),
    rule(rf"{_START}({NUMBER})\s?%", lambda m: f"{read(m[1])} percent"),
    rule(rf"{_START}(\d[\d,]*)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1].replace(",", "")))),
    rule(rf"{_START}({NUMBER})\s?({_UNIT})([23²³](?!\d))?(?:/({_PERS})(?![²2]))?(?!\w)", _quantity),
    rule(rf"(?<=[a-z]s)/({_PERS}|hour|second|minute)(?:[²2](?!\d)|\b)", _over),
    rule(r"(?<!\w)(km|cm|mm|m)([2²3³])(?!\w)", lambda m: _unit(m[1], m[2], one=False)),
    rule(rf"{_START}({NUMBER})k(?!\w)", lambda m: f"{read(m[1])} thousand"),
    rule(
        r"\b(dollars?|pounds?|euros?|yen|cents?|percent|million|thousand|billion)\s?/\s?([^\W\d_]+\b|(?=\d))",
        lambda m: f"{m[1]} per {_per(m[2])}",
    ),
)
"""Ranges first: their ends are read by the rules behind, with the unit that both share."""
