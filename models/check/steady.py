"""Does the level move as speech does? Noise, hum and a stuck vowel stay where they are."""

import numpy as np

from models.check.frames import FRAME_SECONDS, Frames, means
from models.check.reading import Asked, Reading

_WINDOW_SECONDS = 1.0
_SHORTEST_SECONDS = 0.4
"""A short word may be one vowel."""

_LEAST_DECIBELS = 1.2
_LOUD_DECIBELS = 15.0
"""What is that far below the loud parts is a pause, and not looked at."""


def steady(frames: Frames, asked: Asked) -> Reading | None:
    """The least spread (standard deviation) of the level within any second that is loud."""
    size = min(round(_WINDOW_SECONDS / min(asked.speed, 1.0) / FRAME_SECONDS), len(frames.levels))
    if size * FRAME_SECONDS < _SHORTEST_SECONDS:
        return None
    below = frames.below
    mean, square = means(below, size), means(below * below, size)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))[mean < _LOUD_DECIBELS]
    if len(spread) == 0:
        return None
    return Reading("steady", float(spread.min()), "dB", "of movement in its level", least=_LEAST_DECIBELS)
