"""Does it come to an end? Speech falls silent; what was cut off does not."""

from models.check.frames import Frames
from models.check.reading import Asked, Reading

_LEAST_DECIBELS = 30.0


def ending(frames: Frames, _: Asked) -> Reading:
    """How far the last 2 ms are below the loud parts."""
    return Reading("ending", frames.loud - frames.end, "dB", "below its loud parts at the end", least=_LEAST_DECIBELS)
