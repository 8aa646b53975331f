"""Which words are Vietnamese and which cannot be: by their letters, and by the shapes that a syllable may have."""

import enum
import re

from models.language import is_vietnamese_word

_WORD = re.compile(r"[^\W\d_]+")

# A syllable without any mark, as Vietnamese has it, marks left out in names (Phuong) among them. One that is stopped
# (-c, -ch, -p, -t) always carries the mark of its tone, so `it` and `book` are none; nor does every vowel stand before
# every ending (`king`, `thing`), or every consonant before every vowel (`keen`, `cell`).
_UNMARKED = re.compile(
    r"(?:(?:ngh|gh|k)(?=[eiy])|(?:ng|g|c)(?![eiy])|gi|kh|nh|ph|qu|th|tr|ch|[bdhlmnpqrstvx])?"
    r"(?:(?:a|o|oa|uo|ua)(?:ng|nh|[mn])|(?:e|u|oe|ie)(?:ng|[mn])|(?:i|y|uy)(?:nh|[mn])|uyen"
    r"|[aeiouy]|ai|ao|au|ay|eo|ia|iu|oa|oe|oi|ua|ui|uy|oai|oao|oay|oeo|uya|uyu)",
    re.IGNORECASE,
)

# English words of such a shape. The first hold English together and stand for it between words that cannot be
# Vietnamese, though some are Vietnamese too (`do`: because; `to`: large).
_SHARED = frozenset("a am an be bye can do go he hi i in man me men my no on so than the then to".split())  # noqa: SIM905
_ENGLISH_TOO = _SHARED | frozenset(
    """
    bang ban bay bean been bin bun chin dim din fun gain gang gum gun ham hang hay him hung lay long main may moon pay
    pen pin ran ray run sang say sea see sin sing son song sun tan tea ten thin tin too van
    """.split()  # noqa: SIM905 - a list of words is read more easily than fifty quoted ones
)
_LONGEST_ACRONYM = 6


class Kind(enum.Enum):
    """What a token says about its language."""

    VIETNAMESE = enum.auto()
    FOREIGN = enum.auto()
    """It cannot be Vietnamese."""
    SHARED = enum.auto()
    """A common word of English, and shaped like Vietnamese."""
    ENGLISH_TOO = enum.auto()
    SYLLABLE = enum.auto()
    """Shaped like Vietnamese, and no common word of English."""
    NEUTRAL = enum.auto()
    """A number, an address, an acronym, or of another script."""


def kind(token: str) -> Kind:
    """What a token, as it stands between spaces, says."""
    words = _WORD.findall(token)
    if not words or _is_code(token, words):
        return Kind.NEUTRAL
    if any(map(is_vietnamese_word, words)):
        return Kind.VIETNAMESE
    if not all(map(str.isascii, words)):
        return Kind.NEUTRAL
    if not all(map(_UNMARKED.fullmatch, words)):
        return Kind.FOREIGN
    lower = {word.lower() for word in words}
    if lower <= _ENGLISH_TOO:
        return Kind.SHARED if lower <= _SHARED else Kind.ENGLISH_TOO
    return Kind.SYLLABLE


def _is_code(token: str, words: list[str]) -> bool:
    """An address, a code with digits, or an acronym."""
    inner = token.strip(".,;:!?…\"'“”‘’()[]«»")
    acronym = all(word.isupper() and len(word) <= _LONGEST_ACRONYM for word in words)
    return acronym or any(c in "@/._" or c.isdigit() for c in inner)
