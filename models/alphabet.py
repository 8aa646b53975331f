"""A text that a voice of letters can read, whatever its language."""

from collections.abc import Iterable

_LETTERS = 24
_IN_A_WORD = 4


def letters_to_test(characters: Iterable[str]) -> str:
    """Words of four letters, of those among `characters` that are letters: `abcd efgh …`."""
    known = set(characters)
    letters = sorted(c for c in known if len(c) == 1 and c.isalpha())[:_LETTERS]
    words = ["".join(letters[n : n + _IN_A_WORD]) for n in range(0, len(letters), _IN_A_WORD)]
    return (" " if " " in known else "").join(words)
