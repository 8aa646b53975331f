"""Is a file on the disk the audio that an event announced? Read with soundfile alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

LEAST_PEAK = 0.01
LOSSY_SECONDS = 0.15
"""What lossy formats may add at the ends."""

TONE_SECONDS_PER_CHARACTER = 1 / 15


def complaints(path: Path, event: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each way in which the file is not what was announced."""
    if not path.exists():
        yield "the audio is missing"
        return
    data = path.read_bytes()
    if len(data) != event["file_size"] or hashlib.sha256(data).hexdigest() != event["sha256"]:
        yield "the audio has another size or sha256"
        return
    samples, rate = _samples(path, event)
    if rate != event["sample_rate"]:
        yield f"{rate} Hz instead of {event['sample_rate']}"
    seconds, said = len(samples) / rate, event["duration_seconds"]
    lossless = event["format"] in {"wav", "flac", "pcm"}
    if abs(seconds - said) > (1e-3 if lossless else LOSSY_SECONDS):
        yield f"{seconds:.3f} s instead of {said:.3f}"
    if event["model"] in {"tone", "faulty"} and said < 0.9 * event["characters"] * TONE_SECONDS_PER_CHARACTER:
        yield f"{said:.2f} s are too short for {event['characters']} characters"
    if lossless and hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest() != event["pcm_sha256"]:
        yield "the samples have another sha256"
    if np.abs(samples.astype(np.int32)).max(initial=0) < LEAST_PEAK * 32768:
        yield "silence"


def _samples(path: Path, event: Mapping[str, Any]) -> tuple[Any, int]:
    if event["format"] == "pcm":
        return np.frombuffer(path.read_bytes(), dtype="<i2"), int(event["sample_rate"])
    samples, rate = soundfile.read(path, dtype="int16")
    return samples, int(rate)
