"""Vietnamese money, percentages, units, fractions, ranges and scores."""

import re

from models.normalise.rules import DASH, Rule, after, alternatives, before, rule
from models.normalise.vi_numbers import NUMBER, cardinal, digits, read

_CURRENCIES = {
    "$": "đô la", "US$": "đô la", "USD": "đô la", "€": "ơ rô", "EUR": "ơ rô", "£": "bảng", "GBP": "bảng", "¥": "yên",
    "JPY": "yên", "₫": "đồng", "đ": "đồng", "VND": "đồng", "VNĐ": "đồng", "vnđ": "đồng", "vnd": "đồng", "₩": "uôn",
    "CNY": "nhân dân tệ",
}  # fmt: skip

UNITS = {
    "km": "ki lô mét", "hm": "héc tô mét", "dm": "đề xi mét", "cm": "xăng ti mét", "mm": "mi li mét", "m": "mét",
    "µm": "mi crô mét", "nm": "na nô mét",
    "kg": "ki lô gam", "g": "gam", "mg": "mi li gam", "µg": "mi crô gam", "l": "lít", "L": "lít", "ml": "mi li lít",
    "mL": "mi li lít", "ha": "héc ta", "°C": "độ xê", "ºC": "độ xê", "°F": "độ ép", "ºF": "độ ép", "°": "độ",
    "kW": "ki lô oát", "MW": "mê ga oát", "kWh": "ki lô oát giờ", "W": "oát", "V": "vôn", "kV": "ki lô vôn",
    "mAh": "mi li am pe giờ", "Hz": "héc", "kHz": "ki lô héc", "MHz": "mê ga héc", "GHz": "ghi ga héc",
    "KB": "ki lô bai", "kB": "ki lô bai", "MB": "mê ga bai", "GB": "ghi ga bai", "TB": "tê ra bai",
    "Mbps": "mê ga bít trên giây", "Gbps": "ghi ga bít trên giây", "dB": "đề xi ben", "cal": "ca lo",
    "kcal": "ki lô ca lo", "px": "pích xeo", "kph": "ki lô mét trên giờ",
}  # fmt: skip
_PER = {"h": "giờ", "giờ": "giờ", "s": "giây", "giây": "giây", "phút": "phút", "ph": "phút"}
_POWERS = {"2": "vuông", "²": "vuông", "3": "khối", "³": "khối"}
_MAGNITUDES = {"k": "nghìn", "K": "nghìn", "tr": "triệu", "triệu": "triệu", "tỷ": "tỷ", "tỉ": "tỉ", "nghìn": "nghìn",
               "ngàn": "ngàn", "trăm": "trăm"}  # fmt: skip

_UNIT = rf"(?:{alternatives(UNITS)})"
_SIZED = rf"(?:{_UNIT})(?:[23²³](?!\d))?"
_CURRENCY = rf"(?:{alternatives(_CURRENCIES)})"
_MAGNITUDE = rf"(?:\s?(?:{alternatives(set(_MAGNITUDES) - {'k', 'K', 'tr'})})\b|(?:k|K|tr)(?!\w))"
_PRICED = re.compile(r"(?:đồng|đô la|ơ rô|bảng|yên|phần trăm|triệu|nghìn|tỷ)$")
_COUNTED = "năm|tháng|tuần|ngày|người|chiếc|cái|lần|suất"
_START = r"(?<![\w.,])"

_SCORE = re.compile(
    r"\b(?:tỉ số|tỷ số|tỉ số là|thắng|thua|hòa|hoà|hạ|đánh bại|dẫn|dẫn trước|kết thúc|kết quả|chung cuộc)\b[^.!?\n]*$"
)
_RANGE = re.compile(r"\b(?:từ|khoảng|trang|tầm|chừng|độ tuổi|điều|tuổi|cần|mất)\s*$")
_ADDRESS = re.compile(r"\b(?:số|số nhà|nhà|hẻm|ngõ|ngách|kiệt|điểm|đạt|được|bài|nghị định|thông tư|quyết định)\s*$")


def _fraction(match: re.Match[str]) -> str:
    """Part by whole; what is out of something, or larger than one, is read with `trên`."""
    above, below = int(match[1]), int(match[2])
    over = above >= below or below == 0 or _ADDRESS.search(before(match)) or re.match(r" điểm\b", after(match))
    if over:
        return f"{read(match[1])} trên {read(match[2])}"
    return f"{cardinal(above)} phần {'tư' if below == 4 else cardinal(below)}"


def _range(match: re.Match[str]) -> str | None:
    """`5-7` goes from five to seven, `2-1` is a score, `10 - 4 =` is a difference."""
    first, last = match[1], match[3]
    whole = first.isdigit() and last.isdigit() and not match[2]
    if re.match(r"\s*(?:=|bằng\b)", after(match)):
        return f"{first} trừ {last}"
    seen = before(match)
    small = whole and len(first) <= 2 and len(last) <= 2 and not _RANGE.search(seen) and not _measured(match)
    if small and (int(first) >= int(last) or _SCORE.search(seen)):
        return f"{cardinal(int(first))} {cardinal(int(last))}"
    return f"{first}{match[2]} đến {last}"


def _measured(match: re.Match[str]) -> bool:
    return re.match(rf"\s?(?:{_SIZED}|%|{_CURRENCY})(?!\w)", match.string[match.end() : match.end() + 12]) is not None


def _money(amount: str, magnitude: str | None, currency: str) -> str:
    words = read(amount)
    if magnitude:
        words += f" {_MAGNITUDES[magnitude.strip()]}"
    return f"{words} {_CURRENCIES[currency]}"


def _unit(text: str) -> str:
    """`km2` → ki lô mét vuông."""
    power = _POWERS.get(text[-1])
    return f"{UNITS[text[:-1]]} {power}" if power and text[:-1] in UNITS else UNITS[text]


def _quantity(match: re.Match[str]) -> str:
    words = f"{read(match[1])} {_unit(match[2])}"
    return f"{words} trên {_PER[match[3]]}" if match[3] else words


def _per(match: re.Match[str]) -> str:
    """Behind money or a share: for one of it; else over it."""
    word = _unit(match[1]) if re.fullmatch(_SIZED, match[1]) else _PER.get(match[1], match[1])
    return f" {'một' if _PRICED.search(before(match)) else 'trên'} {word}"


RULES: tuple[Rule, ...] = (
    # Three numbers and more in a row are an identifier.
    rule(rf"(?<![\w.,])\d+(?:{DASH}\d+){{2,}}(?!\w)", lambda m: ", ".join(map(digits, re.split(DASH, m[0])))),
    rule(rf"([$€£¥₫])\s?({NUMBER})\s?{DASH}\s?\1?({NUMBER})(?!\d)", lambda m: f"{read(m[2])} đến {m[1]}{m[3]}"),
    rule(rf"{_START}({NUMBER})(%?)\s?{DASH}\s?({NUMBER})(?![\d]*[/.-]\d)(?!\w*{DASH}\d)", _range),
    rule(r"(?<![\w/.,])(\d+)\s(\d{1,2})/(\d{1,2})(?![\w/])", lambda m: f"{read(m[1])} {m[2]}/{m[3]}"),
    rule(r"(?<![\w/.,-])(\d+)/(\d+)(?![\w/]*\d)", _fraction),
    rule(r"(?<![\w:.,])(\d+):(\d+)(?![\w:])", lambda m: f"{read(m[1])} trên {read(m[2])}"),
    rule(rf"(US\$|[$€£¥₫])\s?({NUMBER})({_MAGNITUDE})?(?!\d)", lambda m: _money(m[2], m[3], m[1])),
    rule(rf"{_START}({NUMBER})({_MAGNITUDE})?\s?({_CURRENCY})(?!\w)", lambda m: _money(m[1], m[2], m[3])),
    rule(rf"{_START}({NUMBER})(k|K|tr)(?!\w)", lambda m: f"{read(m[1])} {_MAGNITUDES[m[2]]}"),
    rule(rf"{_START}({NUMBER})({_MAGNITUDE})", lambda m: f"{read(m[1])}{m[2]}"),
    rule(rf"{_START}({NUMBER})\s?%", lambda m: f"{read(m[1])} phần trăm"),
    rule(rf"{_START}({NUMBER})\s?‰", lambda m: f"{read(m[1])} phần nghìn"),
    rule(rf"{_START}(\d)m(\d{{1,2}})(?!\w)", lambda m: f"{read(m[1])} mét {read(m[2])}"),
    rule(rf"{_START}({NUMBER})\s?({_SIZED})(?:/({alternatives(_PER)}))?(?!\w)", _quantity),
    rule(r"(?<=[^\W\d_])\s?/\s?(?=\d)", " trên "),
    rule(
        rf"(?<=\w)\s?/\s?({_SIZED}|(?:{_COUNTED}|{alternatives(_PER)}))(?!\w)",
        _per,
    ),
    rule(r"\b(đồng|nghìn|triệu|đô la)/(?=[^\W\d_])", r"\1 một "),
    rule(r"(?<!\w)(km|cm|mm|m)([2²3³])(?!\w)", lambda m: _unit(m[0])),
    rule(r"(?<!\w)(km|kg|cm|mm) (?=\d)", lambda m: f"{UNITS[m[1]]} "),
)
"""Ranges first: their ends are read by the rules behind, with the unit that both share."""
