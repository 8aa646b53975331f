"""Audio over HTTP: ranges, validators, and a download that a deletion does not cut off (RFC 9110)."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from models.audio import FORMATS
from storage.errors import NotFound, StoreError
from storage.records import Record, iso
from streams.gateway.errors import ApiError, gone
from streams.gateway.library import Library

PIECE = 1 << 18
DIRECT_SECONDS = 3600.0
"""How long a link to the store itself is good, at most."""

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def audio_headers(record: Record, until: datetime | None = None) -> dict[str, str]:
    """What every answer about a file's audio says. It never changes, so its hash validates it for good.

    `until`: when the signed link ends by which it is fetched; a cache that others share may keep it as long.
    """
    now = datetime.now(UTC)
    end = min(record.good_until(now), until or record.good_until(now))
    left = max(0, int((end - now).total_seconds()))
    return {
        "ETag": f'"{record.sha256}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": f"{'public' if until else 'private'}, max-age={left}, immutable",
        "Content-Disposition": f'inline; filename="{record.file_id}.{FORMATS[record.format].extension}"',
        "X-File-ID": record.file_id,
        "X-Expires-At": iso(record.expires_at),
    }


async def download(request: Request, library: Library, record: Record, until: datetime | None = None) -> Response:
    """The audio, the wanted part of it, or 304. Raises ApiError 410 if it went meanwhile, 416 for no such part."""
    headers = audio_headers(record, until)
    if _matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    start, end = 0, record.file_size
    status, wanted = 200, request.headers.get("range")
    if wanted and request.headers.get("if-range") in {None, headers["ETag"]}:
        part = _part(wanted, record.file_size)
        if part is not None:
            (start, end), status = part, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{record.file_size}"
    headers["Content-Length"] = str(end - start)
    media_type = FORMATS[record.format].media_type
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    file = await open_audio(library, record, start, end)
    return StreamingResponse(read_on(file, end - start), status, headers, media_type)


async def redirect(request: Request, library: Library, record: Record, until: datetime | None = None) -> Response:
    """Where the store itself gives the audio, for a while and not beyond its expiry; or 304.

    `until`: when the signed link ends by which it is fetched. Ranges are the store's to answer.
    """
    headers = audio_headers(record, until)
    if _matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    now = datetime.now(UTC)
    end = min(record.good_until(now), until or record.good_until(now))
    seconds = min(DIRECT_SECONDS, (end - now).total_seconds())
    try:
        url = await asyncio.to_thread(library.files.link, record, max(1.0, seconds))
    except StoreError as error:
        raise ApiError(503, "storage_failed", f"the store gives no link: {error}") from error
    if url is None:
        return await download(request, library, record, until)
    told = {name: headers[name] for name in ("X-File-ID", "X-Expires-At")}
    return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store", **told})


async def pieces(library: Library, record: Record) -> AsyncIterator[bytes]:
    """All of the audio, some at a time. Raises ApiError 410 if it went meanwhile."""
    async for piece in read_on(await open_audio(library, record), record.file_size):
        yield piece


async def open_audio(library: Library, record: Record, start: int = 0, end: int | None = None) -> BinaryIO:
    """A reader of the audio that stands at `start`, and need not go beyond `end`.

    Raises ApiError 410 if it went meanwhile.
    """
    try:
        return await asyncio.to_thread(library.files.open, record, start, end)
    except NotFound:
        library.forget(record.file_id)
        raise gone(f"file_id: {record.file_id} was deleted just now") from None
    except StoreError as error:
        raise ApiError(503, "storage_failed", f"the store does not answer: {error}") from error


async def read_on(file: BinaryIO, length: int) -> AsyncGenerator[bytes, None]:
    """So many bytes from where the file stands, some at a time; then the file is closed."""
    try:
        while length > 0 and (piece := await asyncio.to_thread(file.read, min(PIECE, length))):
            length -= len(piece)
            yield piece
    finally:
        with suppress(OSError):
            file.close()


def _matches(given: str | None, etag: str) -> bool:
    if given is None:
        return False
    return given.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in given.split(",")]


def _part(wanted: str, size: int) -> tuple[int, int] | None:
    """The one part that is asked for, as start and end; None for what is no such range, and is ignored.

    Several parts at once are answered with the whole, as RFC 9110 allows. Raises ApiError 416.
    """
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or end <= start:
        told = {"Content-Range": f"bytes */{size}"}
        raise ApiError(416, "range_not_satisfiable", f"Range: {wanted[:64]} is not within the {size} bytes", told)
    return start, end
