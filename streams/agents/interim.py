"""What is in the store of a file in the making, and goes when it is made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from models.growing import Growing
from storage.errors import StoreError
from storage.parts import PartFolder, PartWriter, SpokenParts
from storage.records import Stored
from storage.store import Store
from streams.agents.job import Job
from streams.agents.listening import Listening
from streams.agents.resuming import Resuming
from streams.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Interim:
    """Pieces for who listens, and for who goes on. `outcome`: what was committed, once it is.

    `expected`: whether there are any, be they of a worker that died.
    """

    folder: PartFolder
    expected: bool
    listening: Listening
    resuming: Resuming | None
    outcome: Stored | None = None

    async def stop(self) -> None:
        """Write nothing more."""
        if self.resuming is not None:
            await self.resuming.stop()

    async def end(self) -> None:
        """Remove all of it: the file is there, or will not be."""
        await self.stop()
        if self.expected:
            await asyncio.to_thread(_end, self.folder, self.outcome)


@asynccontextmanager
async def interim(job: Job, path: Path, store: Store, settings: Settings) -> AsyncIterator[Interim]:
    """Within the block what grows at `path` can be heard, if the request is a stream, and gone on with, if it is long.

    A worker that leaves in between leaves all: whoever takes the request next goes on with it.
    """
    folder = _folder(job, store, settings)
    growing = Growing(path, job.request.format) if job.request.stream else None
    resuming = Resuming(job, SpokenParts(folder), settings) if _is_long(job, settings) else None
    made = Interim(folder, _is_expected(job, settings), Listening(growing, PartWriter(folder)), resuming)
    try:
        yield made
    except Exception:
        await made.end()
        raise
    except BaseException:
        await made.stop()
        raise
    await made.end()


def sweep(job: Job, store: Store, settings: Settings) -> None:
    """Remove what a worker left that died between the commit of the file and its own removing. Blocking."""
    if _is_expected(job, settings):
        _end(_folder(job, store, settings), None)


def _folder(job: Job, store: Store, settings: Settings) -> PartFolder:
    note = {"request_id": job.request_id, "tenant": job.request.tenant_id}
    return PartFolder(store, job.file_id, datetime.now(UTC) + job.lifetime(settings), note)


def _is_long(job: Job, settings: Settings) -> bool:
    return job.seconds >= settings.resume_seconds and len(job.chunks) > 1


def _is_expected(job: Job, settings: Settings) -> bool:
    return job.request.stream or _is_long(job, settings)


def _end(folder: PartFolder, outcome: Stored | None) -> None:
    try:
        folder.end(outcome)
    except StoreError as error:  # they go with the file
        log.warning("pieces stay until their file expires", file_id=folder.file_id, error=str(error))
