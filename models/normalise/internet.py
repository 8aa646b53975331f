"""Addresses of the internet, read out: words as they are, signs by their names, digits one by one."""

import re
from collections.abc import Callable, Mapping

from models.normalise.rules import Rule

_TOP = (
    "com|org|net|edu|gov|int|mil|info|biz|io|ai|app|dev|me|tv|co|vn|uk|us|eu|de|fr|es|it|nl|jp|kr|cn|tw|sg|th|au|nz|"
    "ca|in"
)
_HOST = rf"(?:[\w-]+\.)+(?:{_TOP})(?![\w-])(?:\.(?:{_TOP})(?![\w-]))?"
_PATH = r"(?:[/?#][^\s<>\"”»]*)?"
EMAIL = re.compile(r"(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@(?:[\w-]+\.)+[^\W\d_]{2,}", re.IGNORECASE)
ADDRESS = re.compile(
    rf"(?<![\w@.-])(?:(?:https?|ftp)://[^\s<>\"”»]+|www\.[\w-]+\.[^\s<>\"”»]+|{_HOST}(?::\d+)?{_PATH})", re.IGNORECASE
)
_CLOSING = ".,;:!?)]}'’…"
_PART = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)


def rules(signs: Mapping[str, str], digit: Callable[[str], str]) -> tuple[Rule, ...]:
    """For addresses of mail and of the web. `signs`: what each is called; others are passed over."""

    def read(match: re.Match[str]) -> str | None:
        address = match[0].rstrip(_CLOSING)
        if not any(map(str.isalpha, address)):
            return None
        words = (_word(part, signs, digit) for part in _PART.findall(address))
        return " ".join(filter(None, words)) + match[0][len(address) :]

    return Rule(EMAIL, read), Rule(ADDRESS, read)


def _word(part: str, signs: Mapping[str, str], digit: Callable[[str], str]) -> str:
    if part.isdigit():
        return digit(part)
    if part.isalpha():
        # What nobody can pronounce is spelled: www, https, vn.
        return part if _VOWEL.search(part) or not part.isascii() else " ".join(part)
    return signs.get(part, "")
