"""Slower or faster speech at the same pitch, for speeds beyond what an engine does itself.

WSOLA: W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech", ICASSP 1993. Plain numpy, deterministic.
"""

import numpy as np

from models.speech import Samples, Speech

REVISION = "wsola=1"
"""Part of an engine's revision: change it whenever the same input would give other samples."""

_WINDOW_SECONDS = 0.025
_SEARCH_SECONDS = 0.008


def _best_offset(source: Samples, start: int, span: int, target: Samples) -> int:
    """Where in source[start : start+span] the stretch most like `target` begins; clipped to the source."""
    region = source[start : start + span + len(target)]
    if len(region) <= len(target):
        return start
    likeness = np.correlate(region, target, mode="valid")
    power = np.cumsum(np.concatenate(([0.0], region.astype(np.float64) ** 2)))
    energy = power[len(target) :] - power[: -len(target)]
    return start + int(np.argmax(likeness / np.sqrt(energy + 1e-6)))


def stretch(speech: Speech, factor: float) -> Speech:
    """`speech` made `factor` times as long, pitch kept. A factor of 1 returns it as it is."""
    hop = max(int(speech.rate * _WINDOW_SECONDS / 2), 1)
    if abs(factor - 1.0) < 1e-6 or len(speech.samples) < 4 * hop:
        return speech
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    search = int(speech.rate * _SEARCH_SECONDS)
    length = round(len(speech.samples) * factor)
    frames = length // hop + 2
    # Room on both sides, so that every window and every search lies inside.
    source = np.pad(speech.samples, (search, 4 * hop + 2 * search))
    out = np.zeros((frames + 1) * hop, np.float32)
    previous = 0
    for k in range(frames):
        ideal = min(round(k * hop / factor), len(speech.samples) + search)
        target = source[previous + hop : previous + 3 * hop]
        chosen = ideal + search if k == 0 else _best_offset(source, ideal, 2 * search, target)
        piece = source[chosen : chosen + 2 * hop]
        out[k * hop : k * hop + len(piece)] += piece * window[: len(piece)]
        previous = chosen
    return Speech(np.ascontiguousarray(out[:length]), speech.rate)
