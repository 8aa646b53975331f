"""Speaking over HTTP: a call becomes a request on the log, and waits for its outcome like anybody else."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from aiokafka.errors import KafkaError
from fastapi import Request
from structlog.contextvars import bind_contextvars

from storage.records import Failure, Record, Stored, file_id
from streams.errors import ErrorCode, RequestError
from streams.events import CancelRequested
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError, EndedError, busy, gone
from streams.gateway.library import Library
from streams.gateway.load import Load
from streams.gateway.waits import Waits
from streams.ids import ID_PATTERN
from streams.kafka import EventWriter
from streams.quotas import QuotaExceededError, Quotas
from streams.readers.told import estimate
from streams.requests import SynthesisRequested, parse
from streams.routes import in_pool, pool_of
from streams.settings import Settings
from streams.traces import TRACE_HEADERS

BUSY_SECONDS = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is on the log. `value`: its bytes."""

    request: SynthesisRequested
    request_id: str
    file_id: str
    value: bytes

    def concerns(self, outcome: Mapping[str, Any]) -> bool:
        """Whether an outcome of this id is one of this content: another's conflict is not."""
        return outcome.get("content_sha256") in {None, self.request.content_sha256()}


class Speaking:
    """Puts requests on the log and waits for what comes of them."""

    def __init__(
        self, settings: Settings, writer: EventWriter, waits: Waits, library: Library, load: Load, *, quotas: Quotas
    ) -> None:
        self._settings = settings
        self._load = load
        self._quotas = quotas
        self._writer = writer
        self._waits = waits
        self._library = library
        self._leaving: set[asyncio.Task[None]] = set()

    def asked(self, fields: Mapping[str, Any], request_id: str, caller: Caller, *, wrong_id: bool = False) -> Asked:
        """A call's fields as a request of the caller's tenant, judged as the worker would. Raises ApiError."""
        if wrong_id:
            raise ApiError(400, "invalid_request", f"X-Request-ID, request_id: an id matches {ID_PATTERN}")
        named = {"request_id": request_id, "tenant": caller.tenant} if caller.tenant else {"request_id": request_id}
        for name, own in named.items():
            if fields.get(name) is not None and fields[name] != own:
                raise ApiError(400, "invalid_request", f"{name}: is {own!r} for this call, and cannot be another")
        whole = {**fields, **named}
        whole.pop("return_audio", None)  # the gateway fetches it from the store
        try:
            value = orjson.dumps(whole)
            request = parse(value, self._settings)
        except RequestError as error:
            raise ApiError.of(error) from error
        except TypeError as error:
            raise ApiError(400, "invalid_request", f"the request cannot be written as JSON: {error}") from error
        bind_contextvars(request_id=request_id, tenant=request.tenant_id)
        return Asked(request, request_id, file_id(request.tenant_id, request_id), value)

    async def answered(self, asked: Asked) -> Record | None:
        """What the same request ended in before; None if a worker has to see to it.

        Raises ApiError for a failure, a deletion or expiry, or other content.
        """
        record = await self.outcome(asked)
        if record is None:
            return None
        if not record.pinned and record.expires_at <= datetime.now(UTC):
            raise gone(f"request_id: {asked.request_id!r} was spoken, and its audio has expired since")
        return record if await self._library.whole(record) else None

    async def speak(self, asked: Asked, request: Request, *, seconds: float) -> Record | None:
        """Put it on the log and wait so long; None if it is not done by then. Raises ApiError if it fails.

        Where the caller leaves, the work goes on; but what was not to be stored is for nobody then, and is cancelled.
        """
        await self.admit(asked)
        with self._waits.waiting(asked.file_id, "completed", "failed", wanted=asked.concerns) as outcome:
            await self.produce(asked, request)
            try:
                await self._first(outcome, request, seconds)
            except asyncio.CancelledError:
                self.leave(asked)
                raise
            if outcome.done() and "code" in outcome.result():
                raise ApiError.failed(outcome.result())
            if not outcome.done() and await request.is_disconnected():
                await self.left(asked)
        return await self.outcome(asked)  # what was said while nobody could listen is in the store

    async def admit(self, asked: Asked) -> None:
        """Raises ApiError 429 if the tenant's quota is used up, too many calls wait, or too much speech is queued."""
        try:
            self._quotas.check(asked.request.tenant_id)
        except QuotaExceededError as error:
            raise ApiError.of(error, error.retry_after) from error
        pool = pool_of(asked.request, self._settings)
        await self._load.admit(asked.request.priority, asked.request.tenant_id, pool, estimate(asked.request))
        if len(self._waits) >= self._settings.max_waits:
            raise busy(f"{self._settings.max_waits} calls are waiting already", BUSY_SECONDS)

    async def outcome(self, asked: Asked) -> Record | None:
        """What a request has ended in by now, if it has. Raises ApiError as `answered`."""
        found = await self._library.find(asked.file_id)
        return None if found is None else self._judged(asked, found)

    async def produce(self, asked: Asked, request: Request) -> None:
        """Put it on the log. Raises ApiError."""
        trace = [(name, request.headers[name].encode("latin-1")) for name in TRACE_HEADERS if name in request.headers]
        part = "requests.bulk" if asked.request.priority == "bulk" else "requests"
        topic = in_pool(part, pool_of(asked.request, self._settings))
        try:
            async with asyncio.timeout(self._settings.sync_seconds):
                await self._writer.write(topic, asked.request_id.encode(), asked.value, trace)
        except (KafkaError, TimeoutError) as error:
            reason = "the broker does not answer" if isinstance(error, TimeoutError) else error
            message = f"the request may not be on the log: {reason}; call again with the same X-Request-ID"
            raise ApiError(503, "internal", message, {"Retry-After": str(BUSY_SECONDS)}) from error

    async def _first(self, outcome: "asyncio.Future[Any]", request: Request, seconds: float) -> None:
        """Return at the outcome, at the end of the time, or when the caller has left."""
        leaving = asyncio.create_task(left(request))
        try:
            await asyncio.wait({outcome, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()

    async def left(self, asked: Asked) -> None:
        """The caller has left: what was not to be stored is for nobody then."""
        if not asked.request.store:
            await self._writer.emit(CancelRequested(request_id=asked.request_id, tenant=asked.request.tenant_id))

    def leave(self, asked: Asked) -> None:
        """The same, from a call that is being ended itself and cannot wait."""
        task = asyncio.create_task(self.left(asked))
        self._leaving.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: "asyncio.Task[None]") -> None:
        self._leaving.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("a request that nobody waits for was not cancelled", error=str(error))

    def _judged(self, asked: Asked, found: Stored) -> Record:
        if found.content_sha256 != asked.request.content_sha256():
            message = f"request_id: {asked.request_id!r} was used before for other content; the first result stays"
            raise ApiError(409, ErrorCode.REQUEST_CONFLICT.value, message)
        if isinstance(found, Failure):
            raise EndedError.failed(found.model_dump())
        if not isinstance(found, Record):
            raise gone(f"request_id: {asked.request_id!r} was spoken, and its audio was deleted since")
        return found


async def left(request: Request) -> None:
    """Return when the caller, whose body has been read, has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def body_of(request: Request, most: int) -> dict[str, Any]:
    """The JSON object of a call. Raises ApiError: 413 for one that is too large, 400 for what is none."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise ApiError(413, "payload_too_large", f"the body has more than {most} bytes")
    try:
        fields = orjson.loads(bytes(data))
    except json.JSONDecodeError as error:
        raise ApiError(400, "invalid_request", f"the body is not JSON in UTF-8: {error}") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "invalid_request", "the body is JSON, but no object")
    return fields
