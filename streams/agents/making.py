"""From a job to its file: found in the store, or spoken, encoded and committed."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import stamina
import structlog

from models.engine import AudioRejected, EngineTimeout, ModelError, OutOfMemory, Unreadable
from models.fleet import Fleet
from models.speak import speak_text
from storage.errors import CorruptRecord, StoreError, StoreFull, Unavailable, translated
from storage.files import AudioFiles
from storage.records import Failure, Record, Stored
from streams import traces
from streams.agents.drafting import Drafting
from streams.agents.interim import Interim, interim, sweep
from streams.agents.job import Job
from streams.agents.recording import Draft, record_of
from streams.agents.reusing import fetch
from streams.crash import crash_point
from streams.errors import ErrorCode, RequestError
from streams.settings import Settings
from streams.traces import Span, Value
from streams.whole import in_thread

Begun = Callable[[], None]
Spoken = Callable[[int, float, int], None]
T = TypeVar("T")

log = structlog.get_logger(__name__)

SPEAK_ERRORS: dict[type[ModelError], ErrorCode] = {
    OutOfMemory: ErrorCode.OUT_OF_MEMORY,
    AudioRejected: ErrorCode.AUDIO_REJECTED,
    EngineTimeout: ErrorCode.SYNTHESIS_TIMEOUT,
    Unreadable: ErrorCode.UNSUPPORTED_LANGUAGE,
}


class Maker:
    """Finds or makes the one file of a job. All errors are RequestErrors."""

    def __init__(self, settings: Settings, pool: Fleet, files: AudioFiles, worker: str) -> None:
        self._settings = settings
        self._pool = pool
        self._files = files
        self._worker = worker
        tries = stamina.AsyncRetryingCaller(attempts=settings.synthesis_tries, timeout=None)
        self._again = tries.on((StoreFull, Unavailable))

    async def find(self, job: Job) -> Stored | None:
        """What an earlier delivery of this request ended in, whole; None if it is to be spoken."""
        with traces.span("find"):
            return await self._stored(self._find, job)

    async def make(self, job: Job, begun: Begun, spoken: Spoken) -> Stored:
        """Speak and commit; another writer's result is adopted.

        `begun()` is called when an engine begins with a chunk; `spoken(k, seconds, parts)` after chunk k, with the
        seconds of audio up to its end, and the pieces of the file that can be read by then: 0 unless the request is a
        stream.
        """
        with self._files.store.scratch() as path:
            async with interim(job, path, self._files.store, self._settings) as meanwhile:
                try:
                    with translated("the file in the making"):
                        draft = await self._speak(job, path, begun, spoken, meanwhile)
                except ModelError as error:
                    raise RequestError(SPEAK_ERRORS.get(type(error), ErrorCode.SYNTHESIS_FAILED), str(error)) from error
                except StoreError as error:
                    raise _not_stored(error) from error
                crash_point("making.spoken")
                meanwhile.outcome = await self._committed(job, draft, path)
                return meanwhile.outcome

    async def _committed(self, job: Job, draft: Draft, path: Path) -> Stored:
        record = record_of(job, draft, self._settings, self._files, self._worker)
        with traces.span("store", attributes={"loa.file_id": job.file_id, "loa.file_bytes": draft.size}):
            return await self._stored(self._commit, job, record, path)

    async def copy(self, job: Job, name: str) -> Stored | None:
        """Commit a copy of a file that was spoken for an identical request; None if that is not there, or not whole."""
        with self._files.store.scratch() as path:
            with traces.span("copy", attributes={"loa.copied_file_id": name}):
                draft = await self._stored(fetch, self._files, name, job.cache_key(self._settings), path)
            if draft is None:
                return None
            job.check()
            crash_point("making.copied")
            made = await self._committed(job, draft, path)
        await asyncio.to_thread(sweep, job, self._files.store, self._settings)
        return made

    async def give_up(self, job: Job, error: RequestError) -> Stored | None:
        """Decide that a job failed, for all its deliveries: returns what stands, which may be another's result.

        None if the store cannot keep it, or has a result that is damaged.
        """
        now = datetime.now(UTC)
        failure = Failure(
            file_id=job.file_id,
            failed_at=now,
            forget_at=now + timedelta(days=self._settings.tombstone_days),
            request_id=job.request_id,
            tenant=job.request.tenant_id,
            code=error.code,
            message=error.message,
            attempts=job.attempt,
            source=job.first.source,
            content_sha256=job.content,
            metadata=job.request.metadata or {},
            callback_url=job.request.callback,
            worker=self._worker,
        )
        try:
            return await self._stored(lambda: self._usable(job, self._files.put_failure(failure)))
        except RequestError as broken:
            if broken.code != ErrorCode.STORAGE_FAILED:
                raise
            log.warning("a failure could not be kept", error=broken.message)
            return None

    async def inline(self, job: Job, found: Stored) -> bytes | None:
        """The file's bytes where they were asked for and are small enough for an event."""
        if not job.request.return_audio or not isinstance(found, Record):
            return None
        small = found.file_size <= self._settings.max_inline_bytes
        return await self._stored(self._files.read, found) if small else None

    async def _stored(self, call: Callable[..., T], *arguments: object) -> T:
        """Call the store in a thread, again after a fault that may pass."""
        try:
            return await self._again(asyncio.to_thread, call, *arguments)
        except StoreError as error:
            raise _not_stored(error) from error

    def _find(self, job: Job) -> Stored | None:
        try:
            found = self._usable(job, self._files.find(job.file_id))
        except CorruptRecord:
            return None
        if found is not None:
            sweep(job, self._files.store, self._settings)
        return found

    def _usable(self, job: Job, found: Stored | None) -> Stored | None:
        """What was found, if it answers this job; None if it must be spoken again. Raises request_conflict."""
        if found is not None and found.content_sha256 != job.content:
            raise job.conflict()
        if isinstance(found, Failure):
            return found if job.attempt <= found.attempts else None  # somebody asked for another try since
        return found if not isinstance(found, Record) or self._files.adopt(found) else None

    def _commit(self, job: Job, record: Record, path: Path) -> Stored:
        put = self._files.put_once
        while True:
            stored, ours = put(record, path)
            usable = stored if ours else self._usable(job, stored)
            if usable is not None:
                return usable
            put = self._files.replace  # damaged, and its writer is gone; or the failure of an earlier try

    async def _speak(self, job: Job, path: Path, begun: Begun, spoken: Spoken, meanwhile: Interim) -> Draft:
        request = job.request
        pieces = speak_text(
            self._pool,
            job.choice,
            job.chunks,
            request.speed,
            request.seed_or_derived() % 2**32,
            timeout=self._settings.synthesis_timeout_seconds,
            tries=self._settings.synthesis_tries,
            tenant=request.tenant_id,
            lane=job.lane,
            checked=self._settings.check == "on",
            kept=meanwhile.resuming,
            begun=begun,
        )
        seconds = 0.0
        with Drafting(job, path, meanwhile.listening) as drafting, _synthesis_span(job) as span:
            async with job.until_interrupted(), aclosing(pieces):
                async for piece in pieces:
                    add = partial(drafting.add, piece.speech.samples, last=piece.k == piece.n)
                    parts = await in_thread(add)
                    seconds += piece.speech.seconds
                    spoken(piece.k, seconds, parts)
                    span.note("chunk", {"loa.chunk": piece.k, "loa.audio_seconds": seconds})
            span.set({"loa.audio_seconds": drafting.draft.duration_seconds})
            return drafting.draft


def _synthesis_span(job: Job) -> AbstractContextManager[Span]:
    about: dict[str, Value] = {"loa.model": job.choice.model, "loa.voice": job.choice.voice, "loa.attempt": job.attempt}
    return traces.span(
        "synthesis", attributes=about | {"loa.chunks": len(job.chunks), "loa.lane": job.lane.name.lower()}
    )


def _not_stored(error: StoreError) -> RequestError:
    return RequestError(ErrorCode.STORAGE_FAILED, f"the audio could not be stored: {error}")
