"""Is it about as long as the text takes to speak?"""

import unicodedata

from models.check.frames import Frames
from models.check.reading import Asked, Reading

_LEAST_SECONDS = 0.03
_LEAST_SECONDS_PER_WORD = 0.06
"""A word takes 0.2 to 0.5 s; the shortest runs of one-letter words 0.1 s."""

_LEAST_SHARE_OF_ESTIMATE = 0.2

_MOST_ESTIMATES, _MOST_SECONDS = 20, 10
"""Beyond any text: signs that are read out by name (`%%%`) take ten times what letters do."""


def duration(frames: Frames, asked: Asked) -> Reading:
    """Too short is below a share of the estimate and below 0.06 s a word at once.

    Either alone is wrong on odd texts (a "word" of 300 letters, a script without spaces).
    """
    by_words = _LEAST_SECONDS_PER_WORD * count_words(asked.text) / asked.speed
    least = max(min(by_words, _LEAST_SHARE_OF_ESTIMATE * asked.estimate), _LEAST_SECONDS / asked.speed)
    most = _MOST_ESTIMATES * asked.estimate + _MOST_SECONDS / asked.speed
    return Reading("duration", frames.seconds, "s", "of audio", least, most)


def count_words(text: str) -> int:
    """Words with a letter or digit; two ideographs or syllables of a script without spaces count as one."""
    spaced = sum(any(map(str.isalnum, word)) for word in text.split())
    unspaced = sum(unicodedata.category(c) == "Lo" and c >= "\u0e00" for c in text)
    return max(spaced, unspaced // 2)
