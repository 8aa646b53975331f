"""Samples to a file: resampled, rounded to 16 bits, encoded, in constant memory and the same bytes each time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from models.engine import UnsupportedFormat
from models.ogg import fix_serial
from models.sink import Sink
from models.speech import Samples

LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000

# What is lossy is always written in blocks of this: libsndfile's Ogg encoders keep a write's whole input on the stack,
# and what Vorbis makes of the samples depends on how they were parted.
_BLOCK = 8_192

_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True, slots=True)
class Format:
    """An audio format. `rates`: the only sample rates it takes, in Hz; empty when it takes any.

    `lossless`: who decodes it gets the samples that were written, however they were parted.
    """

    extension: str
    media_type: str
    container: str
    subtype: str
    rates: tuple[int, ...] = ()
    lossless: bool = False


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "wav": Format("wav", "audio/wav", "WAV", "PCM_16", lossless=True),
        "flac": Format("flac", "audio/flac", "FLAC", "PCM_16", lossless=True),
        "mp3": Format("mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III", _MPEG_RATES),
        "opus": Format("opus", "audio/ogg; codecs=opus", "OGG", "OPUS", _OPUS_RATES),
        "ogg": Format("ogg", "audio/ogg", "OGG", "VORBIS"),
        "pcm": Format("pcm", "audio/pcm", "RAW", "PCM_16", lossless=True),
    }
)
"""By the name a request gives. `pcm`: signed 16-bit little-endian samples and nothing else."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a file holds. `frames`: samples at `sample_rate` (Hz).

    `pcm_sha256`: of the samples as 16-bit little-endian mono PCM at that rate, before any lossy coding. Who decodes a
    wav, flac or pcm file gets exactly these.
    """

    sample_rate: int
    frames: int
    duration_seconds: float
    pcm_sha256: str


def delivered_rate(name: str, rate_in: int, rate_out: int | None = None) -> int:
    """The sample rate of a file: `rate_out` if given, else the engine's own or the next that the format takes.

    Raises UnsupportedFormat for an unknown format, or a `rate_out` that it does not take.
    """
    if name not in FORMATS:
        raise UnsupportedFormat(f"format {name!r} is unknown; allowed: {', '.join(FORMATS)}")
    rates = FORMATS[name].rates
    if rate_out is None:
        return next((rate for rate in rates if rate >= rate_in), rates[-1]) if rates else _within_range(rate_in)
    if rates and rate_out not in rates:
        raise UnsupportedFormat(
            f"sample_rate {rate_out} does not go with {name}; allowed: {', '.join(map(str, rates))}"
        )
    if not LOWEST_RATE <= rate_out <= HIGHEST_RATE:
        raise UnsupportedFormat(f"sample_rate {rate_out} is out of range; allowed: {LOWEST_RATE} to {HIGHEST_RATE}")
    return rate_out


def _within_range(rate: int) -> int:
    return min(max(rate, LOWEST_RATE), HIGHEST_RATE)


class Encoder:
    """Writes mono samples to a new file, a part at a time; use as a context manager, or call `close`.

    `rate_in`: Hz of what is written; `rate_out`: Hz of the file, None for the best fit. `result` is there once it is
    closed. Raises UnsupportedFormat, OSError when the file cannot be written. Blocking: give it a thread.
    """

    def __init__(self, path: Path, format: str, rate_in: int, rate_out: int | None = None) -> None:  # noqa: A002
        self.sample_rate = delivered_rate(format, rate_in, rate_out)
        self.result: Encoded | None = None
        self._path = path
        self._format = FORMATS[format]
        self._resampler = None
        if self.sample_rate != rate_in:
            self._resampler = soxr.ResampleStream(rate_in, self.sample_rate, 1, dtype="float32")
        self._digest = hashlib.sha256()
        self._frames = 0
        self._rest = np.zeros(0, np.int16)
        endian = "LITTLE" if self._format.container == "RAW" else None
        self._sink = Sink(path)
        try:
            self._file = soundfile.SoundFile(
                self._sink, "w", self.sample_rate, 1, self._format.subtype, endian, self._format.container
            )
        except soundfile.LibsndfileError as error:
            self._sink.close()
            raise self._sink.error or UnsupportedFormat(f"format {format!r} cannot be written here: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def write(self, samples: Samples) -> None:
        """Append float32 samples, shape (n,); beyond [-1, 1] they are clipped."""
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples, np.float32))
        self._append(samples)

    def close(self) -> Encoded:
        """Finish the file; a second call gives the same result again."""
        if self.result is None:
            if self._resampler is not None:
                self._append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._encode(self._rest)
            self._file.close()
            self._sink.close()
            if self._sink.error is not None:
                raise self._sink.error
            if self._format.container == "OGG":
                fix_serial(self._path)
            seconds = self._frames / self.sample_rate
            self.result = Encoded(self.sample_rate, self._frames, seconds, self._digest.hexdigest())
        return self.result

    def _append(self, samples: Samples) -> None:
        pcm = to_pcm(samples)
        self._digest.update(pcm.data)
        self._frames += len(pcm)
        if self._format.lossless:  # each write is some calls from C to Python and back
            self._encode(pcm)
            return
        waiting = np.concatenate((self._rest, pcm))
        whole = len(waiting) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            self._encode(waiting[start : start + _BLOCK])
        self._rest = waiting[whole:]

    def _encode(self, pcm: NDArray[np.int16]) -> None:
        try:
            self._file.write(pcm)
        except (soundfile.LibsndfileError, AssertionError) as error:
            # soundfile asserts that all was written, even where libsndfile gave the reason.
            raise self._sink.error or OSError(f"{self._path} could not be encoded: {error}") from error

    def _abandon(self) -> None:
        try:
            self._file.close()
        finally:
            self._sink.close()


def to_pcm(samples: Samples) -> NDArray[np.int16]:
    """Samples as 16-bit little-endian integers: rounded to the nearest, clipped to the ends, never wrapped."""
    scaled = samples * np.float32(32767)
    np.clip(scaled, -32767, 32767, out=scaled)
    np.rint(scaled, out=scaled)
    return scaled.astype("<i2")
