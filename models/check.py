"""Is the audio the text spoken whole? A first gate, cheap, that refuses only what cannot be speech of this text."""

import unicodedata

import numpy as np

from models.engine import AudioRejected
from models.speech import Speech

_LEAST_PEAK = 0.005
"""-46 dBFS. Speech of every engine here peaks above 0.1."""

_LEAST_SECONDS = 0.03
_LEAST_SECONDS_PER_WORD = 0.06
"""A word takes 0.2 to 0.5 s; the shortest runs of one-letter words 0.1 s."""

_LEAST_SHARE_OF_ESTIMATE = 0.2

_MOST_ESTIMATES, _MOST_SECONDS = 20, 10
"""Beyond any text: signs that are read out by name (`%%%`) take ten times what letters do."""


def check(speech: Speech, text: str, speed: float, estimate: float, rate: int) -> None:
    """Raise AudioRejected when `speech` is empty, not finite, silent, not at `rate` (Hz), or far too short or long.

    `estimate`: the engine's own estimate in seconds at `speed`. Too short is below a fifth of it and below 0.06 s a
    word at once: either alone is wrong on odd texts (a "word" of 300 letters, a script without spaces).
    """
    if speech.rate != rate:
        raise AudioRejected(f"{speech.rate} Hz instead of {rate} Hz for {_quote(text)}")
    if len(speech.samples) == 0:
        raise AudioRejected(f"no samples for {_quote(text)}")
    peak = max(float(np.max(speech.samples)), -float(np.min(speech.samples)))
    if not np.isfinite(peak):
        raise AudioRejected(f"samples that are not finite for {_quote(text)}")
    if peak < _LEAST_PEAK:
        raise AudioRejected(f"silence (peak {peak:.5f}, at least {_LEAST_PEAK} expected) for {_quote(text)}")
    by_words = _LEAST_SECONDS_PER_WORD * count_words(text) / speed
    least = max(min(by_words, _LEAST_SHARE_OF_ESTIMATE * estimate), _LEAST_SECONDS / speed)
    if speech.seconds < least:
        raise AudioRejected(f"{speech.seconds:.2f} s of audio, at least {least:.2f} s expected for {_quote(text)}")
    most = _MOST_ESTIMATES * estimate + _MOST_SECONDS / speed
    if speech.seconds > most:
        raise AudioRejected(f"{speech.seconds:.2f} s of audio, at most {most:.2f} s expected for {_quote(text)}")


def count_words(text: str) -> int:
    """Words with a letter or digit; two ideographs or syllables of a script without spaces count as one."""
    spaced = sum(any(map(str.isalnum, word)) for word in text.split())
    unspaced = sum(unicodedata.category(c) == "Lo" and c >= "\u0e00" for c in text)
    return max(spaced, unspaced // 2)


def _quote(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
