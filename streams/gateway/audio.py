"""`/api/tts/audio/{file_id}`: the audio, its metadata, and its end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from storage.records import Record, Tombstone, iso
from streams.events import CleanupRequested
from streams.gateway.answers import AUDIO, FILE_HEADERS, Cleanup, FileDeleted, Link, MetadataAnswer, Responses
from streams.gateway.cleaning import Cleaning
from streams.gateway.downloads import download, redirect
from streams.gateway.errors import not_found, pinned
from streams.gateway.keys import Scope
from streams.gateway.library import FILE_ID, shown
from streams.gateway.parts import PartsOf
from streams.links import links_of, signed_url

LONGEST_LINK_SECONDS = 31_536_000

router = APIRouter(tags=["files"])

DOWNLOAD: Responses = {
    200: {"description": "the audio", "content": AUDIO, "headers": FILE_HEADERS},
    206: {"description": "the part that was asked for", "content": AUDIO, "headers": FILE_HEADERS},
    304: {"description": "the caller has it"},
    307: {"description": "where the store gives it, with TTS_REDIRECT_DOWNLOADS=on", "headers": FILE_HEADERS},
    404: {"description": "no such file"},
    410: {"description": "it expired or was deleted"},
    416: {"description": "no such part"},
}
PENDING: Responses = {
    202: {"description": "it is asked for, and goes on", "model": FileDeleted},
    409: {"description": "it is pinned"},
}


@router.head("/api/tts/audio/{file_id}", include_in_schema=False)
@router.get("/api/tts/audio/{file_id}", response_class=Response, responses=DOWNLOAD)
async def audio(
    file_id: str,
    request: Request,
    parts: PartsOf,
    expires: Annotated[str | None, Query(description="of a signed link")] = None,
    signature: Annotated[str | None, Query(description="of a signed link")] = None,
) -> Response:
    """The audio: whole, or a range of it; validated by its SHA-256. A signed link needs no key."""
    caller = parts.door.reader(request, file_id, expires, signature)
    record = await parts.library.record(file_id, caller)
    answer = redirect if parts.settings.redirect_downloads and request.method == "GET" else download
    return await answer(request, parts.library, record, caller.until)


@router.get("/api/tts/audio/{file_id}/link", response_model=Link)
async def link(
    file_id: str,
    request: Request,
    parts: PartsOf,
    seconds: Annotated[int, Query(ge=1, le=LONGEST_LINK_SECONDS, description="how long it is good")] = 3600,
) -> JSONResponse:
    """A link by which anybody can fetch the audio, until it ends or the file expires."""
    caller, links = parts.caller(request, Scope.READ), links_of(parts.settings)
    if links is None:
        raise not_found("links are not made here: there is no TTS_LINK_SECRET")
    record = await parts.library.record(file_id, caller)
    now = datetime.now(UTC)
    until = min(record.good_until(now), now + timedelta(seconds=seconds)).replace(microsecond=0)
    url = signed_url(parts.settings, links, file_id, until)
    return JSONResponse({"success": True, "url": url, "expires_at": iso(until)})


@router.get("/api/tts/audio/{file_id}/metadata", response_model=MetadataAnswer)
async def metadata(file_id: str, request: Request, parts: PartsOf) -> JSONResponse:
    """What is known about a file."""
    record = await parts.library.record(file_id, parts.caller(request, Scope.READ))
    return JSONResponse({"success": True, "metadata": shown(record)})


@router.delete("/api/tts/audio/{file_id}", response_model=FileDeleted, responses=PENDING)
async def delete(file_id: str, request: Request, parts: PartsOf) -> JSONResponse:
    """Delete a file now; answered once it is gone, or with 202 if that takes long. A repeat is answered alike."""
    caller = parts.caller(request, Scope.SPEAK)
    found = await parts.library.find(file_id) if FILE_ID.fullmatch(file_id) else None
    if not isinstance(found, Record | Tombstone) or not caller.sees(found.tenant):
        raise not_found(f"file_id: there is no file {file_id[:64]!r}")
    answer = {"success": True, "file_id": file_id}
    if isinstance(found, Record) and found.pinned:
        raise pinned(file_id)
    if isinstance(found, Tombstone):
        return JSONResponse(answer)
    with parts.waits.waiting(file_id, "deleted") as deleted:
        await parts.writer.emit(CleanupRequested(file_id=file_id, tenant=found.tenant))
        await asyncio.wait({deleted}, timeout=parts.settings.sync_seconds)
        if not deleted.done():
            parts.library.forget(file_id)
            now = await parts.library.find(file_id)
            if isinstance(now, Record) and now.pinned:
                raise pinned(file_id)
            return JSONResponse(answer | {"pending": True}, 202)
    return JSONResponse(answer)


@router.post("/api/tts/storage/cleanup", tags=["operations"], response_model=Cleanup)
async def cleanup(request: Request, parts: PartsOf) -> JSONResponse:
    """Remove what has expired, now rather than at the next interval; answered once the workers have done it."""
    parts.caller(request, Scope.ADMIN)
    began = datetime.now(UTC)
    count, size = await Cleaning(parts.settings, parts.writer, parts.waits).run(began)
    told = {"deleted_count": count, "deleted_size_mb": round(size / 2**20, 6), "cleanup_time": iso(began)}
    return JSONResponse({"success": True, "cleanup": told})
