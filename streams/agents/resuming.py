"""A long request's spoken chunks, kept in the store until its file is committed: who takes it after a crash goes on."""

import asyncio
from collections import deque

import numpy as np
import orjson
import structlog

from models.engine import Engine, Piece
from models.speech import Speech
from storage.errors import StoreError
from storage.parts import SpokenParts
from streams.agents.job import Job
from streams.settings import Settings
from streams.whole import in_thread

log = structlog.get_logger(__name__)

_MOST_WAITING = 4
"""Chunks that wait to be written. A store that is slower than the engines keeps fewer, and holds nobody up."""


class Resuming:
    """The `models.kept.Kept` of one job, in the store. Writes in the background, one chunk at a time.

    Samples are kept as they are, float32: the file is to be the same to the last bit, and is resampled and rounded
    from them only once they are joined. A store that fails to keep one is asked no more, and gets its room back.
    """

    def __init__(self, job: Job, parts: SpokenParts, settings: Settings) -> None:
        self._parts = parts
        self._job = job
        self._check = settings.check
        self._there: set[int] | None = None
        self._looking = asyncio.Lock()
        self._waiting: deque[tuple[int, bytes, Speech]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._usable = True

    async def recall(self, k: int, piece: Piece) -> Speech | None:
        """See `Kept.recall`."""
        try:
            async with self._looking:
                if self._there is None:
                    self._there = await asyncio.to_thread(self._parts.there)
            data = await asyncio.to_thread(self._parts.get, k, self._identity(k, piece)) if k in self._there else None
        except StoreError as error:
            log.warning("what was spoken before cannot be read", file_id=self._file_id, chunk=k, error=str(error))
            return None
        return None if data is None else Speech(np.frombuffer(data, "<f4"), self._engine(k).rate)

    def keep(self, k: int, piece: Piece, speech: Speech) -> None:
        """See `Kept.keep`."""
        if not self._usable or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append((k, self._identity(k, piece), speech))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write nothing more; returns when the last write has ended."""
        self._usable = False
        self._waiting.clear()
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            k, identity, speech = self._waiting.popleft()
            try:
                await in_thread(self._parts.put, k, identity, np.ascontiguousarray(speech.samples, "<f4").tobytes())
            except StoreError as error:
                self._usable = False
                self._waiting.clear()
                log.warning("what is spoken cannot be kept meanwhile", file_id=self._file_id, error=str(error))
                await in_thread(self._give_up)

    def _give_up(self) -> None:
        try:
            self._parts.clear()
        except StoreError as error:  # it goes with the file
            log.warning("what was kept stays", file_id=self._file_id, error=str(error))

    def _engine(self, k: int) -> Engine:
        """Who speaks chunk `k`."""
        return self._job.choice.of(self._job.chunks[k - 1]).engine

    def _identity(self, k: int, piece: Piece) -> bytes:
        """All that decides the samples."""
        engine = self._engine(k)
        by = [self._job.content, engine.name, engine.revision, engine.rate, self._check]
        return orjson.dumps([*by, piece.text, piece.voice, piece.speed, piece.seed])

    @property
    def _file_id(self) -> str:
        return self._parts.folder.file_id
