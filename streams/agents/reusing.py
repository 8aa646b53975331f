"""Identical requests of a tenant: one is spoken, and the others get copies, which are files of their own."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from models.schedule import Lane
from storage.errors import CorruptRecord
from storage.files import AudioFiles
from storage.records import Record, Stored
from streams.agents.job import Job
from streams.agents.recording import Draft
from streams.readers.sources import Source, Sources
from streams.settings import Settings

Copy = Callable[[Job, str], Awaitable[Stored | None]]
Speak = Callable[[Job], Awaitable[Stored]]


class Reusing:
    """Decides for each job whether it is copied or spoken, and lets it wait while its like is being spoken here."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._settings = settings
        self._sources = sources
        self._speaking: dict[str, Job] = {}

    async def ready(self) -> None:
        """Return once it is known what was spoken before."""
        await self._sources.read.wait()

    async def make(self, job: Job, copy: Copy, speak: Speak) -> Stored:
        """The file of a job. `copy(job, file_id)`: None if that file cannot be copied. Raises what these do."""
        if not self._sources.on:
            return await speak(job)
        key, patient = job.cache_key(self._settings), True
        while True:
            source = self._sources.of(key)
            if source is not None and source != job.file_id:
                made = await copy(job, source)
                if made is not None:
                    return made
                self._sources.forget(key, source)
            other = self._speaking.get(key)
            if other is None or not patient or not _may_wait(job, other):
                return await self._speak(key, job, speak)
            async with job.until_interrupted():
                await other.finished.wait()
            # What has failed once may fail for each: one after the other they would be in hand for too long.
            patient = self._sources.of(key) is not None or other.reason is not None

    async def _speak(self, key: str, job: Job, speak: Speak) -> Stored:
        """Speak it, and let those wait who come meanwhile: they copy it, or speak, if this fails."""
        self._speaking.setdefault(key, job)
        try:
            made = await speak(job)
            if isinstance(made, Record) and made.cache_key == key:
                self._sources.add(Source.of(made))
            return made
        finally:
            if self._speaking.get(key) is job:
                del self._speaking[key]


def fetch(files: AudioFiles, file_id: str, cache_key: str, path: Path) -> Draft | None:
    """Write the audio of a file of that key to `path`; None, whatever is there then, if it is not to be had whole.

    Blocking. Raises StoreError.
    """
    try:
        found = files.find(file_id)
    except CorruptRecord:
        return None
    now = files.clock()
    if not isinstance(found, Record) or found.cache_key != cache_key or now >= found.good_until(now):
        return None
    if not files.fetch(found, path):
        return None
    return Draft(
        sha256=found.sha256,
        size=found.file_size,
        pcm_sha256=found.pcm_sha256,
        sample_rate=found.sample_rate,
        duration_seconds=found.duration_seconds,
        cached=True,
    )


def _may_wait(job: Job, other: Job) -> bool:
    """Who listens waits for nobody; nor does who may not wait for who may."""
    return not job.request.stream and (job.lane is Lane.BULK or other.lane is Lane.INTERACTIVE)
