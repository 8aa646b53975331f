"""Is the same sound spoken again and again? A model that is stuck repeats itself; a text seldom does."""

import re

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.check.frames import FRAME_SECONDS, Frames, means
from models.check.reading import Asked, Reading
from models.speech import Samples

_STEP_SECONDS = 0.04
"""Fine enough for syllables, and few. Where speech is slow, all that is measured in steps is as slow."""

_SHORTEST, _LONGEST = round(0.4 / _STEP_SECONDS), round(3.0 / _STEP_SECONDS)
_LEAST_STEPS = round(2.4 / _STEP_SECONDS)
"""So long at least it has to go on, three times at least."""

_LEAST_DIFFERENCE = 0.06
"""Speech that hibari and espeak repeated word for word came down to 0.03, all else was above 0.09; loops are at 0 to
0.03, with noise over them too."""

_LEAST_MOVEMENT = 0.5
"""Of 2, the variance of both features together."""

_WORD = re.compile(r"\d|[^\W\d]+")
_STUTTER = re.compile(r"(\w{2,8}?)\1\1|(\w)\2{3}")


def looping(frames: Frames, asked: Asked) -> Reading | None:
    """The least difference between a stretch and what follows it a period later; 1 is that of any two.

    A stretch is two periods at least, so that the sound is there three times. Texts that repeat themselves are let off.
    """
    together = round(_STEP_SECONDS / FRAME_SECONDS / min(asked.speed, 1.0))
    steps = len(frames.levels) // together
    if steps < _LEAST_STEPS:
        return None
    features = _features(frames, together)
    least = _least_difference(features, min(_LONGEST, steps // 3))
    if least < _LEAST_DIFFERENCE and repeats_itself(asked.text):
        return None
    return Reading("looping", least, "", "of difference to what was before", least=_LEAST_DIFFERENCE)


def repeats_itself(text: str) -> bool:
    """Whether words (digits, sounds such as `haha`) come again in the same order, most of them, three times."""
    if _STUTTER.search(text.lower()):
        return True
    words = _WORD.findall(text.lower())
    return any(_comes_again(words, lag) for lag in range(1, len(words) // 3 + 1))


def _comes_again(words: list[str], lag: int) -> bool:
    same = [one == other for one, other in zip(words, words[lag:], strict=False)]
    return any(10 * sum(same[start : start + 2 * lag]) >= 7 * 2 * lag for start in range(len(same) - 2 * lag + 1))


def _features(frames: Frames, together: int) -> Samples:
    """Level and brightness of each step, as deviations from their means in standard deviations, shape (2, n)."""
    whole = len(frames.levels) // together * together
    below = frames.below
    tilts = np.where(frames.silent, 0, np.clip(frames.tilts, -40, 6))
    both = np.stack((below[:whole], tilts[:whole])).reshape(2, -1, together).mean(axis=2)
    both -= both.mean(axis=1, keepdims=True)
    return np.asarray(both / np.maximum(both.std(axis=1, keepdims=True), 1e-3))


def _least_difference(features: Samples, longest: int) -> float:
    """The least over all lags and stretches, of the mean squared difference, as a share of what two unlike ones have.

    All lags at once, a row for each: they are many, and short.
    """
    lags = np.arange(_SHORTEST, longest + 1)[:, np.newaxis]
    sizes = np.maximum(2 * lags, _LEAST_STEPS - lags)
    sums = _sums_apart(features, longest)
    last = features.shape[1] - lags
    starts = np.arange(last[0, 0] - sizes[0, 0] + 1)
    ends = np.minimum(starts + sizes, last)
    unlike = (np.take_along_axis(sums, ends, axis=1) - sums[:, : len(starts)]) / (4 * sizes)
    unlike[starts + sizes > last] = np.inf
    for row in np.flatnonzero(unlike.min(axis=1) < _LEAST_DIFFERENCE):
        moving = _moving(features, sizes[row, 0])[: len(starts)]
        unlike[row, : len(moving)][~moving] = np.inf
    return float(unlike.min())


def _sums_apart(features: Samples, longest: int) -> NDArray[np.float64]:
    """Running sums of the squared difference of each step and the one a lag after it, shape (lags, n + 1).

    The last `lag` of each row mean nothing.
    """
    padded = np.pad(features, ((0, 0), (0, longest)))
    apart = sliding_window_view(padded, features.shape[1], axis=1)[:, _SHORTEST:] - features[:, np.newaxis]
    apart *= apart
    sums = np.zeros((apart.shape[1], apart.shape[2] + 1))
    np.cumsum(apart[0] + apart[1], axis=1, out=sums[:, 1:])
    return sums


def _moving(features: Samples, size: int) -> NDArray[np.bool_]:
    """Which stretches say anything. Where nothing moves, as in silence, all are alike."""
    variance = sum(means(feature * feature, size) - means(feature, size) ** 2 for feature in features)
    return np.asarray(variance > _LEAST_MOVEMENT)
