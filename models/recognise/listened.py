"""An engine of which each piece is listened to before it is handed out."""

import re
import unicodedata
from collections.abc import Sequence

from models.engine import AudioRejected, BatchEngine, Ended, Piece
from models.normalise import normalise
from models.recognise.recogniser import Recogniser
from models.single import Single
from models.speech import Speech

LEAST_WORDS = 4
"""A recogniser mishears words without others about them."""

_TAG = re.compile(r"\[S\d\]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Listened:
    """`served`, as `models.serve` has it; what was not heard well enough ends in AudioRejected.

    `most_errors`: words that were heard wrong, missed or made up, as a part of the text's words. Texts of fewer than
    `LEAST_WORDS`, in a language that the recogniser does not know, or longer than it hears, are not judged.
    """

    def __init__(self, served: BatchEngine | Single, languages: dict[str, str], by: Recogniser, most: float) -> None:
        """`languages`: of the engine's voices, by name."""
        self._served = served
        self._languages = languages
        self._by = by
        self._most = most
        self._pieces: dict[int, Piece] = {}

    def fits(self, piece: Piece) -> bool:
        """As the engine says."""
        return self._served.fits(piece)

    def admit(self, key: int, piece: Piece) -> None:
        """As the engine does."""
        self._served.admit(key, piece)
        self._pieces[key] = piece

    def drop(self, key: int) -> None:
        """As the engine does."""
        self._served.drop(key)
        self._pieces.pop(key, None)

    def step(self) -> Sequence[Ended]:
        """A step of the engine; what ends in it is listened to."""
        return [self._heard(each) for each in self._served.step()]

    def _heard(self, ended: Ended) -> Ended:
        piece = self._pieces.pop(ended.key, None)
        if piece is None or not isinstance(ended.result, Speech):
            return ended
        return Ended(ended.key, self._judged(piece, ended.result) or ended.result)

    def _judged(self, piece: Piece, speech: Speech) -> AudioRejected | None:
        language = self._languages[piece.voice]
        asked = words(piece.text, language)
        if len(asked) < LEAST_WORDS or speech.seconds > self._by.most_seconds or not self._by.knows(language):
            return None
        heard = words(self._by.hear(speech, language), language)
        if (errors := word_errors(asked, heard)) <= self._most:
            return None
        told = f"words: {errors:.2g} of {len(asked)} not heard, at most {self._most:g} expected"
        return AudioRejected(f"{told}; heard {' '.join(heard)[:60]!r} for {' '.join(asked)[:60]!r}")


def word_errors(asked: Sequence[str], heard: Sequence[str]) -> float:
    """Words heard wrong, missed and made up, as a part of those asked for: the word error rate."""
    import jiwer

    return float(jiwer.wer(" ".join(asked), " ".join(heard)))


def words(text: str, language: str) -> list[str]:
    """What is spoken of `text`: words in small letters, numbers put into words, no tags or punctuation."""
    plain = normalise(unicodedata.normalize("NFC", _TAG.sub(" ", text)), language)
    return [word.replace("’", "'") for word in _WORD.findall(plain.casefold())]
