"""Speech at another rate, for engines whose voices have rates of their own."""

from models import packages
from models.speech import Speech


def resample(speech: Speech, rate: int) -> Speech:
    """`speech` at `rate` (Hz), by soxr at its high quality, with the peak kept within [-1, 1]."""
    if speech.rate == rate:
        return speech
    import numpy as np
    import soxr

    samples = soxr.resample(speech.samples, speech.rate, rate)
    return Speech(np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False), rate)


def revision() -> str:
    """Part of an engine's revision."""
    return packages.versions("soxr")
