"""Voices to be cloned: a recording and what is said in it, two files in a directory.

`NAME.wav` (mono, at the model's rate) and `NAME.txt`. Added and removed while engines run: they look when they are
asked.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from models.dia import text as dia_text
from models.engine import UnknownVoice
from models.speech import Samples, Speech

RATE = 44_100
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DEFAULT = "default"
"""The voice without a recording: another one with each seed."""

LEAST_SECONDS, MOST_SECONDS = 3.0, 15.0
MOST_TRANSCRIPT_BYTES = 220
"""About 15 s of English. Transcript and text share what the model reads."""


class RefusedVoice(UnknownVoice):
    """A recording, transcript or name that cannot be a voice; the message says which, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A voice's files."""

    name: str
    audio: Path
    transcript: Path

    def read(self) -> tuple[Samples, str]:
        """Samples at RATE, and the transcript. Raises UnknownVoice when the files are gone or broken."""
        try:
            samples, rate = soundfile.read(self.audio, dtype="float32", always_2d=True)
            transcript = self.transcript.read_text("utf-8")
        except (OSError, UnicodeDecodeError, soundfile.LibsndfileError) as error:
            raise UnknownVoice(f"voice {self.name!r} cannot be read: {error}") from error
        if rate != RATE:
            raise UnknownVoice(f"voice {self.name!r}: {self.audio.name} is at {rate} Hz, not {RATE} Hz; add it anew")
        return np.ascontiguousarray(samples.mean(axis=1)), transcript

    @property
    def state(self) -> tuple[str, int, int, int, int]:
        """Changes whenever the files do."""
        audio, transcript = self.audio.stat(), self.transcript.stat()
        return self.name, audio.st_mtime_ns, audio.st_size, transcript.st_mtime_ns, transcript.st_size


class VoiceFolder:
    """The voices of a directory, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Recording]:
        """All voices by name."""
        for transcript in sorted(self._folder.glob("*.txt")):
            recording = self._recording(transcript.stem)
            if NAME.fullmatch(recording.name) and recording.audio.is_file():
                yield recording

    def __getitem__(self, name: str) -> Recording:
        """Raises UnknownVoice."""
        for recording in self:
            if recording.name == name:
                return recording
        known = ", ".join([DEFAULT, *(recording.name for recording in self)])
        raise UnknownVoice(f"voice {name!r} is unknown; allowed: {known}")

    @property
    def digest(self) -> str:
        """Changes when any voice does; empty without voices."""
        recordings = tuple(self)
        return _digest(recordings, tuple(recording.state for recording in recordings)) if recordings else ""

    def add(self, name: str, audio: Path, transcript: str) -> float:
        """Keep a recording under a name; returns its seconds. Raises RefusedVoice, OSError."""
        _check_name(name)
        if any(recording.name.lower() == name.lower() for recording in self):
            raise RefusedVoice(f"voice {name!r} is there already; remove it first, or choose another name")
        transcript = _checked_transcript(transcript)
        speech = _checked_recording(audio)
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = self._recording(name)
        # The transcript last: a voice is there once it has one, and then it is whole.
        with _replacing(kept.audio) as path:
            soundfile.write(path, speech.samples, speech.rate, format="WAV", subtype="PCM_16")
        with _replacing(kept.transcript) as path:
            path.write_text(transcript, "utf-8")
        return speech.seconds

    def remove(self, name: str) -> None:
        """Forget a voice. Raises UnknownVoice."""
        recording = self[name]
        recording.transcript.unlink()
        recording.audio.unlink()

    def _recording(self, name: str) -> Recording:
        return Recording(name, self._folder / f"{name}.wav", self._folder / f"{name}.txt")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name.lower() == DEFAULT:
        raise RefusedVoice(f"voice {name!r} is no name; allowed: {NAME.pattern}, but not {DEFAULT!r}")


def _checked_transcript(transcript: str) -> str:
    transcript = " ".join(transcript.split())
    count = len(dia_text.ids(transcript))
    if not any(map(str.isalnum, transcript)) or count > MOST_TRANSCRIPT_BYTES:
        allowed = f"what is said in the recording, 1 to {MOST_TRANSCRIPT_BYTES} bytes"
        raise RefusedVoice(f"the transcript {transcript[:60]!r} has {count} bytes; allowed: {allowed}")
    return transcript


def _checked_recording(audio: Path) -> Speech:
    """Mono at RATE. Raises RefusedVoice."""
    try:
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise RefusedVoice(f"the recording {str(audio)!r} cannot be read: {error}") from error
    mono = samples.mean(axis=1)
    speech = Speech(np.asarray(mono if rate == RATE else soxr.resample(mono, rate, RATE), np.float32), RATE)
    if not LEAST_SECONDS <= speech.seconds <= MOST_SECONDS:
        allowed = f"{LEAST_SECONDS:g} to {MOST_SECONDS:g} s of one speaker"
        raise RefusedVoice(f"the recording {str(audio)!r} has {speech.seconds:.1f} s; allowed: {allowed}")
    if not np.isfinite(speech.samples).all() or np.abs(speech.samples).max() < 0.01:
        raise RefusedVoice(f"the recording {str(audio)!r} is silent")
    return speech


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, which it becomes in the end."""
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@lru_cache(maxsize=8)
def _digest(recordings: tuple[Recording, ...], states: tuple[object, ...]) -> str:
    """Of the contents; `states` decide whether they are read again."""
    del states
    digest = hashlib.sha256()
    for recording in recordings:
        for path in (recording.audio, recording.transcript):
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
