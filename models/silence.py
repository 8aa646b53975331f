"""Silence around speech: taken off what an engine adds, so that pauses are as long as the text asks for."""

import numpy as np

from models.speech import Samples

_FRAME_SECONDS = 0.01
_KEPT_SECONDS = 0.06
"""Kept on either side: a soft `h` or `f` begins below the threshold."""

_THRESHOLD = 0.002
"""RMS of a frame, -54 dBFS: below any speech, above an engine's own noise between words."""


def trim(samples: Samples, rate: int) -> Samples:
    """`samples` without the silence before and after; all of them when there is nothing else."""
    frame = round(rate * _FRAME_SECONDS)
    frames = len(samples) // frame
    power = np.square(samples[: frames * frame]).reshape(frames, frame).mean(axis=1)
    loud = np.flatnonzero(power > _THRESHOLD**2)
    if len(loud) == 0:
        return samples
    kept = round(rate * _KEPT_SECONDS)
    return samples[max(loud[0] * frame - kept, 0) : (loud[-1] + 1) * frame + kept]


def pause(seconds: float, rate: int) -> Samples:
    """Silence."""
    return np.zeros(round(seconds * rate), np.float32)
