"""Is there sound, all the way, and not more than fits?"""

import numpy as np

from models.check.frames import FRAME_SECONDS, Frames
from models.check.reading import Asked, Reading

_LEAST_PEAK = 0.005
"""-46 dBFS. Speech of every engine here peaks above 0.1."""

_MOST_FULL_PERCENT = 1.0

_MOST_GAP_SECONDS = 1.0


def silence(frames: Frames, _: Asked) -> Reading:
    """Silent from its beginning to its end, or as good as that."""
    return Reading("silence", frames.peak, "", "at its peak", least=_LEAST_PEAK)


def gap(frames: Frames, asked: Asked) -> Reading:
    """A stretch without sound, within or at an end, longer than any pause that punctuation makes."""
    heard = np.flatnonzero(~frames.silent)
    edges = np.concatenate(([-1], heard, [len(frames.levels)]))
    longest = float(np.max(np.diff(edges)) - 1) * FRAME_SECONDS
    return Reading("gap", longest, "s", "without sound", most=_MOST_GAP_SECONDS / min(asked.speed, 1.0))


def clipping(frames: Frames, _: Asked) -> Reading:
    """Louder than full scale again and again, so that peaks are cut off."""
    return Reading("clipping", 100 * frames.full, "%", "at full scale", most=_MOST_FULL_PERCENT)
