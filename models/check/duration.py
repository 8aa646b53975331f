"""Is it about as long as the text takes to speak?"""

import unicodedata

from models.check.frames import Frames
from models.check.reading import Asked, Reading

_LEAST_SECONDS = 0.03
_LEAST_SECONDS_PER_WORD = 0.06
"""A word takes 0.2 to 0.5 s; the shortest runs of one-letter words 0.1 s."""

_LEAST_SHARE, _MOST_SHARE, _MOST_SECONDS = 0.2, 20, 10
"""Of the estimate. Beyond any text: signs that are read out by name (`%%%`) take ten times what letters do."""

_PLAIN_SECONDS = 3.0
_PLAIN_SECONDS_PER_WORD = (0.2, 0.8)
_PLAIN_SHARES = (0.4, 3.0)
"""0.58 and 1.48 were the least and the most of 584 plain texts and speeds that hibari and espeak spoke."""

_LONG_SECONDS, _LONG_SHARE = 8.0, 0.5
"""What is long is nearer to its estimate: 0.84 was the least of those."""


def duration(frames: Frames, asked: Asked) -> Reading:
    """Too short, or too long. Plain words are near their estimate; odd texts have only bounds beyond any text."""
    least, most = _plain_bounds(asked) or _odd_bounds(asked)
    return Reading("duration", frames.seconds, "s", "of audio", least, most)


def _plain_bounds(asked: Asked) -> tuple[float, float] | None:
    """Seconds, if the text is of some length, and of words as words are; seconds of its estimate tell."""
    natural = asked.estimate * asked.speed
    shortest, longest = _PLAIN_SECONDS_PER_WORD
    if natural < _PLAIN_SECONDS or not shortest <= natural / max(count_words(asked.text), 1) <= longest:
        return None
    least, most = _PLAIN_SHARES
    return (_LONG_SHARE if natural >= _LONG_SECONDS else least) * asked.estimate, most * asked.estimate


def _odd_bounds(asked: Asked) -> tuple[float, float]:
    """Too short is below a share of the estimate and below 0.06 s a word at once.

    Either alone is wrong on some texts (a "word" of 300 letters, a script without spaces).
    """
    by_words = _LEAST_SECONDS_PER_WORD * count_words(asked.text) / asked.speed
    least = max(min(by_words, _LEAST_SHARE * asked.estimate), _LEAST_SECONDS / asked.speed)
    return least, _MOST_SHARE * asked.estimate + _MOST_SECONDS / asked.speed


def count_words(text: str) -> int:
    """Words with a letter or digit; two ideographs or syllables of a script without spaces count as one."""
    spaced = sum(any(map(str.isalnum, word)) for word in text.split())
    unspaced = sum(unicodedata.category(c) == "Lo" and c >= "\u0e00" for c in text)
    return max(spaced, unspaced // 2)
