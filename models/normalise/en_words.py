"""English abbreviations and Roman numerals."""

import re

from models.normalise import roman
from models.normalise.en_numbers import cardinal, ordinal
from models.normalise.rules import Rule, alternatives, before, ends_sentence, rule

_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "Gov": "Governor",
    "Sen": "Senator", "Rep": "Representative", "Gen": "General", "Col": "Colonel", "Capt": "Captain",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Rev": "Reverend", "Hon": "Honorable", "Pres": "President",
    "Maj": "Major", "Cmdr": "Commander", "St": "Saint", "Mt": "Mount", "Ft": "Fort", "Messrs": "Messieurs",
}  # fmt: skip
_STREETS = {"St": "Street", "Dr": "Drive", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane",
            "Pl": "Place", "Ct": "Court", "Hwy": "Highway"}  # fmt: skip
_ENDING = {"etc": "et cetera", "Jr": "Junior", "Sr": "Senior", "Inc": "Incorporated", "Ltd": "Limited",
           "Corp": "Corporation", "Co": "Company", "Dept": "Department", "dept": "department",
           "Bros": "Brothers"}  # fmt: skip
_WITHIN = {"vs": "versus", "approx": "approximately", "est": "established", "cf": "compare"}
_BEFORE_NUMBER = {"No": "number", "no": "number", "Nos": "numbers", "p": "page", "pp": "pages", "Fig": "Figure",
                  "fig": "figure", "Vol": "Volume", "vol": "volume", "Ch": "Chapter", "ch": "chapter",
                  "Sec": "Section", "sec": "section", "Art": "Article"}  # fmt: skip

_PEOPLE = (
    "King|Queen|Pope|Emperor|Louis|Henry|Elizabeth|Charles|George|Edward|James|William|Richard|Philip|Paul|Benedict|"
    "Pius|Napoleon|Catherine|Alexander|Nicholas|Frederick|Leo|Gregory|Innocent|John|Mary|Peter|Ramses|Ptolemy|Leopold"
)
_NUMBERED = (
    "Chapter|Part|Act|Scene|Volume|Book|Section|Article|Title|Appendix|Phase|Type|War|Vatican|Bowl|Fantasy|Rocky|"
    "Episode|Level|Class|Stage|Tier|Unit|Figure|Table|Psalm|Corps|Mark|Apollo|Saturn|Division|Grade"
)


def _numeral(match: re.Match[str]) -> str | None:
    number = roman.value(match[2])
    if number is None:
        return None
    if re.fullmatch(_PEOPLE, match[1].strip()):
        return f"{match[1]}the {ordinal(number)}"
    return f"{match[1]}{cardinal(number)}"


def _street(match: re.Match[str]) -> str | None:
    """Behind a name, in an address: `Baker St.`; before one it is a title."""
    if not re.search(r"\d\w* (?:[a-z\d]+ )?(?:[\w'’]+ )*$", before(match)) and not ends_sentence(match):
        return None
    return f"{match[1]} {_STREETS[match[2]]}{_stop(match) if match.string[match.end() :].strip() else ''}"


def _ended(match: re.Match[str]) -> str:
    return _ENDING[match[1]] + _stop(match)


def _stop(match: re.Match[str]) -> str:
    """The period of an abbreviation is the sentence's too, where that ends."""
    return "." if match[0].endswith(".") and ends_sentence(match) else ""


RULES: tuple[Rule, ...] = (
    rule(rf"\b([A-Z][\w'’]+) ({alternatives(_STREETS)})\.", _street),
    rule(rf"\b({alternatives(_TITLES)})\.\s(?=[A-Z]|and\s|&)", lambda m: f"{_TITLES[m[1]]} "),
    rule(rf"(?<![\w.])({alternatives(_BEFORE_NUMBER)})\.\s?(?=\d)", lambda m: f"{_BEFORE_NUMBER[m[1]]} "),
    rule(rf"(?<![\w.])({alternatives(_ENDING)})\.", _ended),
    rule(rf"(?<![\w.])({alternatives(_WITHIN)})\.(?=\s)", lambda m: _WITHIN[m[1]]),
    rule(r"(?<![\w.])e\.\s?g\.,?", "for example"),
    rule(r"(?<![\w.])i\.\s?e\.,?", "that is"),
    rule(r"(?<!\w)w/o\b", "without"),
    rule(r"#(?=\d)", "number "),
)

ROMAN: tuple[Rule, ...] = (
    rule(
        rf"\b((?:{_PEOPLE})\s)({roman.PATTERN})\b(?!['’.]\w)",
        lambda m: None if m[2] == "I" and not _reigns(m) else _numeral(m),
    ),
    rule(rf"\b((?:{_NUMBERED})\s)({roman.PATTERN})\b(?!['’.]\w)", _numeral),
    # Not behind a unit: in `31°C XXI` no number stands behind a name, and so none does once the unit is in words.
    rule(r"\b(?!Celsius|Fahrenheit)([A-Z][a-z]\w* )([IVX]{2,})\b(?!['’.]\w)", _numeral),
)


def _reigns(match: re.Match[str]) -> bool:
    """`Elizabeth I` was a queen, but `and Charles I did` is a person and another."""
    return re.match(r"King|Queen|Pope|Emperor|Elizabeth|Napoleon|Alexander|Nicholas", match[1]) is not None
