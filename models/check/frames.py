"""The one pass over the samples; all criteria look at what it leaves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.speech import Samples, Speech

FRAME_SECONDS = 0.01

_END_SECONDS = 0.002

_FULL_SCALE = 0.99
_NOTHING = 1e-10
"""Power of silence, so that its level is -100 dB and not minus infinity."""

_SILENT_DECIBELS = 45.0
"""Below the loud parts. The rooms and breaths of recorded voices are above; what lies below nobody hears as speech."""


@dataclass(frozen=True, slots=True)
class Frames:
    """10 ms each, the last of them ending with the last sample.

    `levels`: dB re full scale, shape (n,). `tilts`: dB of the samples' differences above the samples: high where
    sound is bright, shape (n,). `loud`: the level that one frame in ten is above. `full`: share of all samples at full
    scale or beyond. `end`: dB, of the last 2 ms.
    """

    levels: Samples
    tilts: Samples
    loud: float
    peak: float
    full: float
    end: float
    seconds: float

    @property
    def below(self) -> Samples:
        """How far each frame is below the loud ones, in dB; what is silent is all the same."""
        return np.asarray(np.clip(self.loud - self.levels, 0, _SILENT_DECIBELS))

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Frames with no speech in them, shape (n,)."""
        return self.levels < self.loud - _SILENT_DECIBELS


def frames_of(speech: Speech) -> Frames:
    """The frames of `speech`, which has at least one sample, all of them finite."""
    size = max(round(speech.rate * FRAME_SECONDS), 1)
    samples = speech.samples
    peak = max(float(samples.max()), -float(samples.min()))
    full = np.count_nonzero(np.abs(samples) >= _FULL_SCALE) / len(samples) if peak >= _FULL_SCALE else 0.0
    if len(samples) < size:
        samples = np.pad(samples, (size - len(samples), 0))
    framed = samples[len(samples) % size :].reshape(-1, size)
    powers = np.einsum("ij,ij->i", framed, framed) / size + _NOTHING
    edges = np.diff(framed, axis=1)
    changes = np.einsum("ij,ij->i", edges, edges) / size + _NOTHING
    levels = 10 * np.log10(powers)
    end = samples[-max(round(speech.rate * _END_SECONDS), 1) :]
    end_level = 10 * np.log10(float(end @ end) / len(end) + _NOTHING)
    return Frames(levels, 10 * np.log10(changes) - levels, _loud(levels), peak, full, end_level, speech.seconds)


def _loud(levels: Samples) -> float:
    place = len(levels) * 9 // 10
    return float(np.partition(levels, place)[place])


def means(values: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """The mean of each `size` neighbours, shape (n - size + 1,); nothing if there are fewer."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    return (sums[size:] - sums[:-size]) / size
