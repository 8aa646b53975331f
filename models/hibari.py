"""`hibari`: English, neural, the weights in the package (hibari-tts, ONNX); 24 kHz.

The package leaves out what its alphabet lacks: `Nẵng` would be n, n, g. Here every letter is read, by the one that it
is made of where there is no other, or the text is refused.
"""

import json
import math
import os
import re
import unicodedata
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models import packages
from models.alphabet import named, stand_in
from models.engine import Piece, UnknownModel, Unreadable, Voice
from models.pace import Pace
from models.silence import pause, trim
from models.speech import Samples, Speech
from models.stretch import REVISION as STRETCH_REVISION
from models.stretch import stretch

# The model's own range, as its documentation gives it; beyond it the samples are stretched.
_SLOWEST, _FASTEST = 0.5, 2.0

# The model surrounds all it speaks with 0.3 s and 0.4 s of silence, even where a sentence was cut at a word.
_SENTENCE_PAUSE, _CLAUSE_PAUSE = 0.3, 0.1

_PACE = Pace(piece=0.15, letter=0.0525, digit=0.34, pause=0.23)

# The package fails on numbers of more than 36 digits; nobody would follow one of more than 15 in words.
_LONG_NUMBER = re.compile(r"\d(?:,?\d){15,}")

# As one word it stresses the wrong half: twenty-ONE is better said as two.
_COMPOUND_NUMBER = re.compile(r"(?<=ty)-(?=(?:one|two|three|four|five|six|seven|eight|nine)\b)", re.IGNORECASE)

# What the model sees at once. The package cuts at 400 and at clause punctuation only, and memory grows faster than the
# length: with 300, cut at words in need, a process stays below 400 MiB (360 measured).
_MAX_PHONEMES = 300
_HEARD = {"Lu", "Ll", "Lt", "Lo", "Nd", "Nl"}
"""Unicode categories of what has a sound of its own: letters and numbers, no marks, signs or apostrophes."""
_CLAUSE = re.compile(r"[,;:.!?…—][”\"]? ")


class Hibari:
    """The voices in the package and in its cache directory; nothing is ever downloaded."""

    name = "hibari"
    rate = 24_000
    max_characters = 300

    def __init__(self) -> None:
        self._speakers: dict[str, Any] = {}

    @property
    def revision(self) -> str:
        """The same seed gives the same samples only with the same threads and the same FFT."""
        fft = "numpy" if packages.folder("scipy") is None else packages.versions("scipy")
        parts = packages.versions("hibari-tts", "onnxruntime", "numpy")
        return f"{parts}; fft={fft}; threads=1; pauses=1; compounds=1; letters=1; cuts=1; {STRETCH_REVISION}"

    @cached_property
    def voices(self) -> Sequence[Voice]:
        """Voices whose model file is here, `heart` first; empty when the package is not installed."""
        folder = packages.folder("hibari")
        if folder is None:
            return ()
        known = json.loads((folder / "assets" / "voices.json").read_bytes())
        return tuple(_voice(name, facts) for name, facts in known.items() if _is_here(facts))

    def estimate(self, text: str, speed: float) -> float:
        """Seconds: off by 12 % on average, at most by 31 % over the texts it was fitted on."""
        return _PACE.seconds(text) / speed

    def cost(self, text: str, speed: float) -> float:
        """Seconds of one core: 0.02 a piece and 0.017 for each second of audio that the network itself makes."""
        return 0.02 + 0.017 * _PACE.seconds(text) / min(max(speed, _SLOWEST), _FASTEST)

    def load(self) -> None:
        """Load the default voice; others are loaded when first asked for. Raises UnknownModel when not installed."""
        if not self.voices:
            raise UnknownModel("model 'hibari' needs the package hibari-tts (install loa-tts[voices])")
        self._speaker(self.voices[0].name)

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece. Raises Unreadable when the text has letters that the voice cannot read."""
        speaker = self._speaker(piece.voice)
        speed = min(max(piece.speed, _SLOWEST), _FASTEST)
        noise = np.random.default_rng(piece.seed)
        parts: list[Samples] = []
        text = _as_plain_text(piece.text)
        if not text.isascii():
            text = _readable(text, speaker.g2p.oov.cin)
        for sentence in speaker.phonemize(text):
            for phonemes in _within_limit(sentence):
                samples = speaker.from_ids(speaker.ids(phonemes), speed, noise)
                seconds = _SENTENCE_PAUSE if phonemes.rstrip('”")').endswith((".", "!", "?", "…")) else _CLAUSE_PAUSE
                parts += [trim(samples, self.rate), pause(seconds / speed, self.rate)]
        if not parts:
            raise Unreadable(f"hibari reads nothing in {piece.text[:60]!r}")
        return stretch(Speech(np.concatenate(parts[:-1]), self.rate), speed / piece.speed)

    def _speaker(self, voice: str) -> Any:
        """The package's synthesizer for a voice; those of one accent share their pronunciation lexicon."""
        from hibari import Hibari as Synthesizer
        from hibari.voices import VOICES, voice_path

        if voice not in self._speakers:
            path = voice_path(voice, download_missing=False)
            british = VOICES[voice]["british"]
            alike = (s.g2p for name, s in self._speakers.items() if VOICES[name]["british"] == british)
            with _no_memory_plans():
                self._speakers[voice] = Synthesizer(voice, model=path, threads=1, g2p=next(alike, None))
        return self._speakers[voice]


@contextmanager
def _no_memory_plans() -> Iterator[None]:
    """Sessions made within keep no plan of memory for each length: lengths hardly come again, and plans take 10 % more.

    The package has no option for it.
    """
    import onnxruntime

    plain = onnxruntime.SessionOptions

    def without_plans() -> Any:
        made = plain()
        made.enable_mem_pattern = False
        return made

    onnxruntime.SessionOptions = without_plans
    try:
        yield
    finally:
        onnxruntime.SessionOptions = plain


def _voice(name: str, facts: dict[str, Any]) -> Voice:
    language = facts["language"]
    description = f"{facts['accent']} English, {facts['gender']}, neural"
    return Voice(name, (language, language.partition("-")[0]), description)


def _is_here(facts: dict[str, Any]) -> bool:
    return bool(facts.get("bundled")) or (_cache_folder() / facts["file"]).exists()


def _cache_folder() -> Path:
    """Where the package keeps further voices (its `voices.cache_dir`, on Linux)."""
    home = os.environ.get("HIBARI_HOME")
    if home:
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hibari"


def _as_plain_text(text: str) -> str:
    """`[word](/phonemes/)` is a pronunciation to the package; here text is never markup. Long numbers go as digits."""
    text = _COMPOUND_NUMBER.sub(" ", text.replace("](", "] ("))
    return _LONG_NUMBER.sub(lambda number: " ".join(number[0].replace(",", "")), text)


def _readable(text: str, alphabet: Container[str]) -> str:
    """The text in letters that the package reads. Raises Unreadable, and names those for which there are none."""
    read = {c: _read(c, alphabet) for c in dict.fromkeys(text) if not c.isascii()}
    lost = [c for c, letters in read.items() if letters is None]
    if lost:
        raise Unreadable(f"hibari cannot read {named(lost)} in {text[:60]!r}: ask for a voice that can")
    return "".join(read.get(c) or c for c in text)


def _read(character: str, alphabet: Container[str]) -> str | None:
    """What is read for a character; None for one that has a sound, and cannot be read."""
    if character in alphabet or unicodedata.category(character) not in _HEARD:
        return character
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) == "Nl":
        return character if plain.isascii() else None  # Roman numerals, which the package knows
    return stand_in(character, alphabet)


def _within_limit(phonemes: str) -> Iterator[str]:
    """Pieces of at most `_MAX_PHONEMES`, cut at a clause, else at a space into parts alike, where there is one.

    Alike, since a last word alone in its piece sounds cut off.
    """
    while len(phonemes) > _MAX_PHONEMES:
        window = phonemes[: _MAX_PHONEMES + 1]
        clauses = [end.end() for end in _CLAUSE.finditer(window, _MAX_PHONEMES // 3)]
        share = math.ceil(len(phonemes) / math.ceil(len(phonemes) / _MAX_PHONEMES))
        cut = clauses[-1] if clauses else window.find(" ", share)
        cut = cut if cut > 0 else window.rfind(" ")
        cut = cut if cut > 0 else _MAX_PHONEMES
        yield phonemes[:cut].rstrip()
        phonemes = phonemes[cut:].lstrip()
    if phonemes:
        yield phonemes
