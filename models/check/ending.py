"""Does it come to an end? Speech falls silent; what was cut off does not."""

from models.check.frames import Frames
from models.check.reading import Asked, Reading

_LEAST_DECIBELS = 25.0
"""31 was the least of the pieces that hibari and espeak spoke, of a second or more."""

_SHORT_SECONDS, _LEAST_DECIBELS_OF_SHORT = 1.0, 10.0
"""A word alone may end as if it were to go on: 16 was the least (`a`, hibari)."""


def ending(frames: Frames, _: Asked) -> Reading:
    """How far the last 2 ms are below the loud parts."""
    least = _LEAST_DECIBELS_OF_SHORT if frames.seconds < _SHORT_SECONDS else _LEAST_DECIBELS
    return Reading("ending", frames.loud - frames.end, "dB", "below its loud parts at the end", least=least)
