"""Ways in which speech is spoilt, each as an engine, its library or its memory may do it."""

from collections.abc import Callable, Mapping

import numpy as np

from models.speech import Samples, Speech

Damage = Callable[[Speech], Speech]


def _of(change: Callable[[Samples, int], Samples]) -> Damage:
    def spoilt(speech: Speech) -> Speech:
        return Speech(np.ascontiguousarray(change(speech.samples.copy(), speech.rate), np.float32), speech.rate)

    return spoilt


def _kept(share: float) -> Damage:
    return _of(lambda samples, _: samples[: round(share * len(samples))])


def _without_beginning(samples: Samples, _: int) -> Samples:
    return samples[round(0.3 * len(samples)) :]


def _stuck(period: float, likeness: float = 1.0) -> Damage:
    """From the middle on, the same sound four times more: to the bit, or with noise over it and louder or softer."""

    def change(samples: Samples, rate: int) -> Samples:
        middle, length = len(samples) // 2, round(period * rate)
        sound = samples[middle - length : middle]
        chance = np.random.default_rng(1)
        noise = (1 - likeness) * float(np.sqrt(np.mean(np.square(sound))))
        loops = [
            sound * (1 + (1 - likeness) * chance.uniform(-1, 1)) + noise * chance.standard_normal(length)
            for _ in range(max(4, round(2.4 / period)))
        ]
        return np.concatenate((samples[:middle], *loops, samples[middle:]))

    return _of(change)


def _silenced(seconds: float) -> Damage:
    def change(samples: Samples, rate: int) -> Samples:
        middle, half = len(samples) // 2, round(seconds * rate / 2)
        samples[max(middle - half, 0) : middle + half] = 0
        return samples

    return _of(change)


def _noise_like(samples: Samples) -> Samples:
    loudness = float(np.sqrt(np.mean(np.square(samples))))
    return (loudness * np.random.default_rng(1).standard_normal(len(samples))).astype(np.float32)


def _noise(samples: Samples, _: int) -> Samples:
    return _noise_like(samples)


def _noise_from_the_middle(samples: Samples, _: int) -> Samples:
    half = len(samples) // 2
    return np.concatenate((samples[:half], _noise_like(samples[half:])))


def _hum(samples: Samples, rate: int) -> Samples:
    return (0.3 * np.sin(2 * np.pi * 120 * np.arange(len(samples)) / rate)).astype(np.float32)


def _not_finite(samples: Samples, _: int) -> Samples:
    samples[len(samples) // 2] = np.nan
    return samples


DAMAGES: Mapping[str, Damage] = {
    "no samples": _kept(0),
    "one sample that is no number": _of(_not_finite),
    "another rate": lambda speech: Speech(speech.samples, speech.rate // 2),
    "silent": _of(lambda samples, _: samples * 0),
    "cut at 15 %": _kept(0.15),
    "cut at 40 %": _kept(0.4),
    "cut at 70 %": _kept(0.7),
    "beginning missing, 30 %": _of(_without_beginning),
    "silenced for 0.5 s": _silenced(0.5),
    "silenced for 1.5 s": _silenced(1.5),
    "stuck on 0.5 s": _stuck(0.5),
    "stuck on 1 s": _stuck(1.0),
    "stuck on 1 s, not quite the same": _stuck(1.0, 0.9),
    "eight times too loud": _of(lambda samples, _: np.clip(8 * samples, -1, 1)),
    "twice too loud": _of(lambda samples, _: np.clip(2 * samples, -1, 1)),
    "noise instead": _of(_noise),
    "noise from the middle on": _of(_noise_from_the_middle),
    "hum instead": _of(_hum),
}
