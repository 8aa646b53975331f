"""Letters that a voice can read: a text of them to test it with, and what stands for those that it cannot."""

import re
import unicodedata
from collections.abc import Collection, Container, Iterable
from itertools import islice

_LATIN = re.compile(r"LATIN (?:CAPITAL |SMALL )?LETTER (?:[A-Z ]+ )?([A-Z])(?: WITH .+)?")
_LETTERS = 24
_IN_A_WORD = 4
_MOST_NAMED = 10


def letters_to_test(characters: Iterable[str]) -> str:
    """Words of four letters, of those among `characters` that are letters: `abcd efgh …`."""
    known = set(characters)
    letters = sorted(c for c in known if len(c) == 1 and c.isalpha())[:_LETTERS]
    words = ["".join(letters[n : n + _IN_A_WORD]) for n in range(0, len(letters), _IN_A_WORD)]
    return (" " if " " in known else "").join(words)


def named(lost: Collection[str]) -> str:
    """Letters that cannot be read, for a message: the first ten."""
    return " ".join(islice(lost, _MOST_NAMED)) + (" …" if len(lost) > _MOST_NAMED else "")


def stand_in(letter: str, known: Container[str]) -> str | None:
    """What is read for a letter that is not `known`: `ẵ` is an a, `Ƚ` an L, `ɜ` an e. None where nothing comes near.

    Tried are the small letter, what Unicode takes it apart into without its marks, and the Latin letter of its name.
    """
    parts = unicodedata.normalize("NFKD", letter)
    bare = "".join(part for part in parts if unicodedata.category(part) != "Mn")
    named = _LATIN.fullmatch(unicodedata.name(letter, ""))
    latin = named[1] if named else ""
    for found in (letter.lower(), bare, bare.lower(), latin if letter.isupper() else latin.lower()):
        if found and all(character in known for character in found):
            return found
    return None
