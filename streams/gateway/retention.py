"""`PATCH /api/tts/audio/{file_id}/metadata`: a file is kept longer, pinned, or released."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.records import Instant, Record, iso
from streams.events import AudioRetained, CleanupRequested, Keep
from streams.gateway.answers import MetadataAnswer, Responses
from streams.gateway.errors import ApiError
from streams.gateway.keys import Scope
from streams.gateway.library import shown
from streams.gateway.parts import Parts, PartsOf
from streams.settings import Settings

router = APIRouter(tags=["files"])


class Changes(BaseModel):
    """What is to be changed; what is absent stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_at: Instant | None = Field(None, description="no earlier than it is")
    expiry_hours: float | None = Field(None, gt=0, allow_inf_nan=False, description="from now, in place of expires_at")
    pinned: bool | None = Field(None, strict=True, description="true: nothing deletes it; false: it is released")


FAILURES: Responses = {
    202: {"description": "it is asked for, and goes on; the metadata is as it was", "model": MetadataAnswer},
    400: {"description": "a field, or a time, that is not allowed"},
    404: {"description": "no such file"},
    409: {"description": "it went before it could be kept"},
    410: {"description": "it expired or was deleted"},
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/merge-patch+json": {"schema": Changes.model_json_schema()}},
    }
}


@router.patch(
    "/api/tts/audio/{file_id}/metadata", response_model=MetadataAnswer, responses=FAILURES, openapi_extra=BODY
)
async def change(file_id: str, request: Request, parts: PartsOf) -> JSONResponse:
    """Keep a file longer, pin or release it; answered once that holds, or with 202 if it takes long."""
    caller = parts.caller(request, Scope.SPEAK)
    record = await parts.library.record(file_id, caller)
    keep = _keep(await request.body(), record, parts.settings)
    with parts.waits.waiting(file_id, "retained", wanted=lambda event: _says(event, keep)) as kept:
        await parts.writer.emit(CleanupRequested(keep=keep, tenant=record.tenant))
        await asyncio.wait({kept}, timeout=parts.settings.sync_seconds)
    return await _answer(parts, file_id, keep)


async def _answer(parts: Parts, file_id: str, keep: Keep) -> JSONResponse:
    """As the store has it now: what was heard may be behind."""
    parts.library.forget(file_id)
    found = await parts.library.find(file_id)
    if not isinstance(found, Record):
        raise ApiError(409, "conflict", f"file_id: {file_id} was deleted before it could be kept")
    return JSONResponse({"success": True, "metadata": shown(found)}, 200 if _holds(found, keep) else 202)


def _keep(body: bytes, record: Record, settings: Settings) -> Keep:
    """What is asked for. Raises ApiError 400, naming field, value and what is allowed."""
    try:
        changes = Changes.model_validate_json(body)
    except ValidationError as error:
        raise _wrong("; ".join(f"{_field(each)}: {each['msg']}" for each in error.errors())) from None
    if changes == Changes():
        raise _wrong("body: none of expires_at, expiry_hours, pinned is in it")
    if changes.expires_at is not None and changes.expiry_hours is not None:
        raise _wrong("expires_at, expiry_hours: give one of them")
    return Keep(file_id=record.file_id, expires_at=_until(changes, record, settings), pinned=changes.pinned)


def _field(error: Any) -> str:
    return ".".join(map(str, error["loc"])) or "body"


def _until(changes: Changes, record: Record, settings: Settings) -> datetime | None:
    now, most = datetime.now(UTC), settings.max_expiry_hours
    if changes.expiry_hours is not None and changes.expiry_hours > most:
        raise _wrong(f"expiry_hours: {changes.expiry_hours:g} is above the limit of {most:g}")
    until = changes.expires_at
    if changes.expiry_hours is not None:
        until = now + timedelta(hours=changes.expiry_hours)
    if until is None:
        return None
    if until <= now:
        raise _wrong(f"expires_at: {iso(until)} is not in the future")
    if until > now + timedelta(hours=most):
        raise _wrong(f"expires_at: {iso(until)} is more than {most:g} hours from now")
    if until < record.expires_at:
        raise _wrong(f"expires_at: {iso(until)} is before {iso(record.expires_at)}: an expiry only moves later")
    return until


def _wrong(message: str) -> ApiError:
    return ApiError(400, "invalid_request", message)


def _says(event: dict[str, Any], keep: Keep) -> bool:
    """Whether an event says what was asked for; a stranger's, which may say anything, does not."""
    try:
        said = AudioRetained.model_validate(event)
    except ValidationError:
        return False
    until = keep.expires_at is None or said.expires_at >= keep.expires_at
    return until and keep.pinned in {None, said.pinned}


def _holds(record: Record, keep: Keep) -> bool:
    until = keep.expires_at is None or record.expires_at >= keep.expires_at
    return until and keep.pinned in {None, record.pinned}
