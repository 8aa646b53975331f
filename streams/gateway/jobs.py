"""`/api/tts/jobs`: what has become of requests, however they came to the log, and their end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from storage.errors import BadCursor, IndexTrouble
from storage.index import Index, Job, Status
from storage.records import iso
from streams.events import CancelRequested
from streams.gateway.answers import JobAnswer, JobPage, Responses
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError, not_found
from streams.gateway.keys import Scope
from streams.gateway.parts import Parts, PartsOf
from streams.ids import ID_PATTERN
from streams.readers.replay import moment
from streams.requests import DEFAULT_TENANT
from streams.whole import in_thread

MOST_ON_A_PAGE = 200
LOOK_SECONDS = 0.03
ASK_SECONDS = 0.25
TOLD_SECONDS = 2.0

T = TypeVar("T")
RequestId = Annotated[str, Path(pattern=ID_PATTERN)]
Tenant = Annotated[str | None, Query(description="of the request, for who may see all; default: the default tenant")]

router = APIRouter(tags=["jobs"])

UNKNOWN: Responses = {404: {"description": "no such request is known"}}
TIME: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": r"^([0-9]{1,4}(\.[0-9]{1,3})?[smhdw])?$"},
    ]
}


class Filter(BaseModel):
    """Which of the caller's requests are listed."""

    status: Status | None = Field(None, description="only those that are so")
    model: str | None = Field(None, max_length=200, description="only those of a model")
    since: str | None = Field(
        None, description="only those that came then or later: ISO 8601, or 90s, 2h, 7d", json_schema_extra=TIME
    )
    until: str | None = Field(None, description="only those that came before", json_schema_extra=TIME)
    limit: int = Field(50, ge=1, le=MOST_ON_A_PAGE)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before")


@router.get("/api/tts/jobs", response_model=JobPage)
async def list_jobs(request: Request, parts: PartsOf, wanted: Annotated[Filter, Query()]) -> JSONResponse:
    """The caller's requests, the newest first, also those that were produced to Kafka."""
    caller = parts.caller(request, Scope.READ)
    fields = wanted.model_dump() | {name: _moment(name, getattr(wanted, name)) for name in ("since", "until")}
    page = await asked(lambda index: index.jobs(caller.tenant, **fields), parts)
    jobs = [shown(job) for job in page.jobs]
    return JSONResponse({"success": True, "jobs": jobs, "next_cursor": page.next_cursor})


@router.get("/api/tts/jobs/{request_id}", response_model=JobAnswer, responses=UNKNOWN)
async def one_job(request_id: RequestId, request: Request, parts: PartsOf, tenant: Tenant = None) -> JSONResponse:
    """One request: where it stands, its place in the queue, and its result or error."""
    job = await _find(parts, parts.caller(request, Scope.READ), request_id, tenant)
    return await _answer(parts, job)


@router.delete(
    "/api/tts/jobs/{request_id}",
    response_model=JobAnswer,
    responses=UNKNOWN
    | {
        202: {"description": "it will end, and has not yet", "model": JobAnswer},
        409: {"description": "it has ended already"},
    },
)
async def cancel_job(request_id: RequestId, request: Request, parts: PartsOf, tenant: Tenant = None) -> JSONResponse:
    """Cancel a request: one that is queued is not spoken, one that is being spoken ends at its next piece."""
    caller = parts.caller(request, Scope.SPEAK)
    job = await _find(parts, caller, request_id, tenant)
    if job.status == "cancelled":
        return await _answer(parts, job)
    if job.finished_at is not None:
        raise ApiError(409, "conflict", f"request_id: {request_id!r} has ended already: it is {job.status}")
    with parts.waits.waiting(job.file_id, "completed", "failed") as outcome:
        await parts.writer.emit(CancelRequested(request_id=request_id, tenant=job.tenant))
        job = await _ended(parts, job, outcome)
        ended = job.finished_at is not None or outcome.done()
    if job.status == "completed":
        raise ApiError(409, "conflict", f"request_id: {request_id!r} was spoken before it could be cancelled")
    return await _answer(parts, job, status=200 if ended else 202)


async def asked(question: Callable[[Index], T], parts: Parts) -> T:
    """An answer of the index. Raises ApiError: 400 for a wrong cursor, 503 where the index does not answer."""
    try:
        return await in_thread(question, parts.index)
    except BadCursor as error:
        raise ApiError(400, "invalid_request", str(error)) from error
    except IndexTrouble as error:
        raise ApiError(503, "storage_failed", f"the index does not answer: {error}", {"Retry-After": "5"}) from error


async def _find(parts: Parts, caller: Caller, request_id: str, tenant: str | None) -> Job:
    """Raises ApiError 404 for what is not there, or not the caller's."""
    named = tenant or caller.tenant or DEFAULT_TENANT
    job = await asked(lambda index: index.job(named, request_id), parts) if caller.sees(named) else None
    if job is None:
        raise not_found(f"request_id: no request {request_id!r} is known")
    return job


async def appeared(parts: Parts, tenant: str, request_id: str) -> None:
    """Return once the index knows of a request that is on the log; after a while in any case."""
    with suppress(ApiError):
        await _once(parts, tenant, request_id, lambda job: True)


async def _ended(parts: Parts, job: Job, outcome: asyncio.Future[Any]) -> Job:
    """The job with its end; as it is when its caller has waited long enough.

    Its outcome may have come before anybody waited for it, while the index was behind: so the index is asked, too.
    """
    tenant, request_id = job.tenant, job.request_id
    clock = asyncio.get_running_loop().time
    give_up = clock() + parts.settings.sync_seconds
    while job.finished_at is None and not outcome.done() and (left := give_up - clock()) > 0:
        await asyncio.wait({outcome}, timeout=min(left, ASK_SECONDS))
        found = await asked(lambda index: index.job(tenant, request_id), parts)
        job = found or job
    if outcome.done():  # the index will know in a moment
        job = await _once(parts, tenant, request_id, lambda one: one.finished_at is not None) or job
    return job


async def _once(parts: Parts, tenant: str, request_id: str, wanted: Callable[[Job], bool]) -> Job | None:
    """The job as soon as the index has it so; after a while as it has it then."""
    clock = asyncio.get_running_loop().time
    give_up = clock() + TOLD_SECONDS
    while True:
        job = await asked(lambda index: index.job(tenant, request_id), parts)
        if (job and wanted(job)) or clock() >= give_up:
            return job
        await asyncio.sleep(LOOK_SECONDS)


async def _answer(parts: Parts, job: Job, status: int = 200) -> JSONResponse:
    queue = None
    if job.status == "queued":
        before, seconds = await asked(lambda index: index.ahead_of(job), parts)
        queue = {
            "position": before + 1,
            "seconds_ahead": seconds,
            "wait_seconds": parts.load.wait_for(seconds, job.pool),
        }
    return JSONResponse({"success": True, "job": shown(job) | {"queue": queue}}, status)


def shown(job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    same = (
        *("request_id", "file_id", "tenant", "status", "progress", "chunk", "chunks", "attempts", "model", "voice"),
        *("language", "format", "characters", "metadata", "estimated_seconds", "pool", "worker", "source"),
    )
    times = ("created_at", "started_at", "finished_at", "cancel_requested_at")
    return {
        **{name: getattr(job, name) for name in same},
        "priority": job.lane,
        **{name: _iso(getattr(job, name)) for name in times},
        "queue": None,
        "result": _result(job) if job.status == "completed" else None,
        "error": {"code": job.code, "message": job.message, "retryable": job.retryable} if job.code else None,
    }


def _result(job: Job) -> dict[str, Any]:
    return {
        "audio_url": f"/api/tts/audio/{job.file_id}",
        "format": job.format,
        "duration_seconds": job.duration_seconds,
        "sample_rate": job.sample_rate,
        "file_size": job.file_size,
        "expires_at": _iso(job.expires_at),
        "deleted_at": _iso(job.deleted_at),
        "delete_reason": job.delete_reason,
    }


def _iso(time: datetime | None) -> str | None:
    return iso(time) if time else None


def _moment(name: str, text: str | None) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError as error:
        raise ApiError(400, "invalid_request", f"{name}: {error}") from None
