"""The file of a job while it is being written: opened with its first samples, a draft after its last."""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from models.audio import Encoder
from models.speech import Samples
from streams.agents.job import Job
from streams.agents.listening import Listening
from streams.agents.recording import Draft


class Drafting:
    """Use as a context manager. `add` blocks, for a thread; what is added last makes it a draft in the same call."""

    def __init__(self, job: Job, path: Path, listening: Listening) -> None:
        self._job = job
        self._path = path
        self._listening = listening
        self._encoder: Encoder | None = None
        self._open = ExitStack()
        self._draft: Draft | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, samples: Samples, *, last: bool) -> int:
        """Append samples; returns how many pieces there are for who listens. Raises UnsupportedFormat, OSError."""
        if self._encoder is None:
            request, rate = self._job.request, self._job.choice.rate
            encoder = Encoder(self._path, request.format, rate, request.sample_rate)
            self._encoder = self._open.enter_context(encoder)
        self._encoder.write(samples)
        parts = self._listening.grow()
        if last:
            encoded = self._encoder.close()
            with self._path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
            self._draft = Draft(digest, size, encoded.pcm_sha256, encoded.sample_rate, encoded.duration_seconds)
        return parts

    @property
    def draft(self) -> Draft:
        """What was written, once all is."""
        if self._draft is None:
            raise RuntimeError("the file is not complete")
        return self._draft
