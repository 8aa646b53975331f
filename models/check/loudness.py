"""Is there sound, all the way, and not more than fits?"""

import re

import numpy as np

from models.check.frames import FRAME_SECONDS, Frames
from models.check.reading import Asked, Reading

_LEAST_PEAK = 0.005
"""-46 dBFS. Speech of every engine here peaks above 0.1."""

_MOST_FULL_PERCENT = 1.0
"""Of real speech here at most 0.14."""

_MOST_GAP_SECONDS, _MOST_GAP_SECONDS_IN_A_CLAUSE = 1.0, 0.5
"""At speed 1 hibari and espeak made pauses of up to 0.45 s at marks, and of 0.2 s where there was none."""

_CLAUSES = re.compile(r"[^\w\s'’-]\W*\w")


def silence(frames: Frames, _: Asked) -> Reading:
    """Silent from its beginning to its end, or as good as that."""
    return Reading("silence", frames.peak, "", "at its peak", least=_LEAST_PEAK)


def gap(frames: Frames, asked: Asked) -> Reading:
    """A stretch without sound, within or at an end, longer than any pause that the text's marks make."""
    heard = np.flatnonzero(~frames.silent)
    edges = np.concatenate(([-1], heard, [len(frames.levels)]))
    longest = float(np.max(np.diff(edges)) - 1) * FRAME_SECONDS
    most = _MOST_GAP_SECONDS if _CLAUSES.search(asked.text) else _MOST_GAP_SECONDS_IN_A_CLAUSE
    return Reading("gap", longest, "s", "without sound", most=most / min(asked.speed, 1.0))


def clipping(frames: Frames, _: Asked) -> Reading:
    """Louder than full scale again and again, so that peaks are cut off."""
    return Reading("clipping", 100 * frames.full, "%", "at full scale", most=_MOST_FULL_PERCENT)
