"""A request that is heard while it is being spoken: its file's pieces, readable as they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from models.growing import Growing
from storage.errors import StoreError
from storage.parts import PartWriter
from storage.records import Stored
from storage.store import Store
from streams.agents.job import Job
from streams.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Listening:
    """Pieces for who listens. A store that cannot take them ends that, and not the request.

    `outcome`: what was committed, once it is.
    """

    growing: Growing | None
    parts: PartWriter
    outcome: Stored | None = None

    def grow(self) -> int:
        """Write what was added to the file; returns how many pieces there are. Blocking. Raises OSError."""
        if self.growing is None:
            return 0
        try:
            if data := self.growing.take():
                self.parts.add(data)
        except StoreError as error:
            log.warning("nobody can listen meanwhile", file_id=self.parts.file_id, error=str(error))
            self.growing = None
        return self.parts.count

    def end(self) -> None:
        """Remove the pieces: the file is there, or will not be. Blocking."""
        try:
            self.parts.end(self.outcome)
        except StoreError as error:  # they go with the file
            log.warning("pieces stay until their file expires", file_id=self.parts.file_id, error=str(error))


@asynccontextmanager
async def heard_meanwhile(job: Job, path: Path, store: Store, settings: Settings) -> AsyncIterator[Listening]:
    """Within the block, what grows at `path` can be heard, if the request is a stream.

    A worker that leaves in between leaves the pieces too: whoever takes the request next goes on with them.
    """
    note = {"request_id": job.request_id, "tenant": job.request.tenant_id}
    parts = PartWriter(store, job.file_id, datetime.now(UTC) + job.lifetime(settings), note)
    listening = Listening(Growing(path, job.request.format) if job.request.stream else None, parts)
    try:
        yield listening
    except Exception:
        if job.request.stream:
            await asyncio.to_thread(listening.end)
        raise
    if job.request.stream:
        await asyncio.to_thread(listening.end)
