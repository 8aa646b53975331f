"""Text to the character ids of a VITS checkpoint, as transformers' VitsTokenizer gives them, but nothing goes unsaid.

VitsTokenizer drops whatever is not in its vocabulary. Here a letter, a mark or a digit that has no character is an
error that names it; only punctuation and signs are left out.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from models.alphabet import named
from models.engine import Unreadable

_SPOKEN = ("L", "M", "N")
"""Unicode categories that are heard: letters, marks, numbers."""


class VitsText:
    """`alphabet`: characters to ids (vocab.json). `tokenizer`: what tokenizer_config.json says."""

    def __init__(self, alphabet: Mapping[str, int], tokenizer: Mapping[str, Any]) -> None:
        self._alphabet = alphabet
        self._normalize = bool(tokenizer.get("normalize", True))
        self._blank = bool(tokenizer.get("add_blank", True))
        self._romanize = bool(tokenizer.get("is_uroman", False))
        self._romanian = tokenizer.get("language") == "ron"

    def ids(self, text: str) -> list[int]:
        """Ids with the blank (0) between and around them. Raises Unreadable naming what has no character."""
        prepared = "".join(c if c in self._alphabet else c.lower() for c in text) if self._normalize else text
        if self._romanian:
            prepared = prepared.replace("ț", "ţ")
        if self._romanize and not prepared.isascii():
            prepared = _uroman().romanize_string(prepared)
        known = "".join(map(self._known, prepared)).strip()
        self._require_all(text, prepared, known)
        spoken = [self._alphabet[c] for c in known]
        if not self._blank:
            return spoken
        ids = [0] * (2 * len(spoken) + 1)
        ids[1::2] = spoken
        return ids

    def _known(self, character: str) -> str:
        """The character, or what stands for it: its parts, or the letter without its accent; empty if nothing does."""
        if character in self._alphabet:
            return character
        parts = unicodedata.normalize("NFKD", character).lower()
        kept = "".join(part for part in parts if part in self._alphabet)
        lost = (part for part in parts if part not in self._alphabet)
        return kept if all(unicodedata.category(part) == "Mn" for part in lost) else ""

    def _require_all(self, text: str, prepared: str, known: str) -> None:
        lost = {c: None for c in prepared if not self._known(c) and unicodedata.category(c).startswith(_SPOKEN)}
        if lost:
            raise Unreadable(f"the voice has no character for {named(lost)} in {text[:60]!r}")
        if not known:
            raise Unreadable(f"the voice has no character for anything in {text[:60]!r}")


@cache
def _uroman() -> Any:
    """The romaniser; its tables take about a second to load."""
    from uroman import Uroman

    return Uroman()
