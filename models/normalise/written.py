"""How numbers are written in every language here: what is made plain before rules of a language read it."""

import re

from models.normalise.rules import DASH, Rule, rule

GAP = r"[ .-]"
"""Between groups of digits."""

_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}


def code(match: re.Match[str]) -> str:
    """Letters and digits in one: the digits are a number of their own (5G, B12, COVID-19)."""
    return re.sub(rf"(?<=[^\W\d_]){DASH}?(?=\d)|(?<=\d){DASH}?(?=[^\W\d_])", " ", match[0])


PREPARED: tuple[Rule, ...] = (
    rule(r"(?<=\w)(?=https?://)", " "),
    rule("(?<=\\d)[\u00a0\u2007\u2009\u202f](?=\\d)", " "),
    rule("[½⅓⅔¼¾⅕⅛]", lambda m: (" " if m.string[m.start() - 1 : m.start()].isdigit() else "") + _FRACTIONS[m[0]]),
    rule("[０-９]", lambda m: str(int(m[0]))),
)

# A number and a word that were written as one.
GLUED: tuple[Rule, ...] = (rule(r"(?<=\d)(?=[^\W\d_]{4})", " "),)
