"""Audio that is sent while it is being spoken: the pieces as the worker writes them, then the rest of the file."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, BinaryIO

import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse

from models.audio import FORMATS
from models.growing import HEAD_BYTES
from storage import parts as pieces_of
from storage.errors import StoreError
from storage.records import Record
from streams.gateway.downloads import open_audio, read_on
from streams.gateway.errors import ApiError
from streams.gateway.parts import Parts
from streams.gateway.speech import Asked, left

log = structlog.get_logger(__name__)


def live_answer(asked: Asked, audio: AsyncIterator[bytes]) -> StreamingResponse:
    """The answer, with what is known of audio before it is whole: not how long it is, nor when it will expire."""
    made = FORMATS[asked.request.format]
    name = f'inline; filename="{asked.file_id}.{made.extension}"'
    headers = {"X-File-ID": asked.file_id, "Content-Disposition": name, "Accept-Ranges": "none"}
    return StreamingResponse(audio, headers=headers, media_type=made.media_type)


async def live(parts: Parts, asked: Asked, request: Request) -> AsyncIterator[bytes] | None:
    """Put a request on the log; its audio as it is spoken, once there is some. None if there is none in time.

    Raises ApiError for what fails before. What fails later ends the audio with an error in its midst: the connection is
    then closed without an end, which no client takes for a whole file.
    """
    await parts.speaking.admit(asked)
    audio = _audio(parts, asked, request)
    first: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(audio, None))
    leaving = asyncio.create_task(left(request))
    news: set[asyncio.Future[Any]] = {first, leaving}
    try:
        await asyncio.wait(news, timeout=parts.settings.sync_seconds, return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            return _from(first.result(), audio, parts, asked)
    finally:
        leaving.cancel()
        if not first.done():
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await audio.aclose()
    if await request.is_disconnected():
        await parts.speaking.left(asked)
    return None


async def _from(
    first: bytes | None, audio: AsyncGenerator[bytes, None], parts: Parts, asked: Asked
) -> AsyncIterator[bytes]:
    finished = False
    try:
        async with aclosing(audio):
            if first is not None:
                yield first
            async for piece in audio:
                yield piece
        finished = True
    except ApiError as error:
        finished = True
        log.warning("a stream broke off", code=error.code, error=error.message)
        raise
    finally:
        if not finished:  # the caller has left, and this call with it: what is still to do is done by another
            parts.speaking.leave(asked)


async def _audio(parts: Parts, asked: Asked, request: Request) -> AsyncGenerator[bytes, None]:
    sent, waits = _Sent(asked.request.format), parts.waits
    with waits.waiting(asked.file_id, "completed", "failed", wanted=asked.concerns) as outcome:
        await parts.speaking.produce(asked, request)
        record, k = None, 1
        while record is None:
            silent = False
            with waits.waiting(asked.file_id, "progress") as progress:  # before the look: none is missed
                piece = await _piece(parts, asked, k)
                if piece is None and not outcome.done():
                    silent = await _silence({outcome, progress}, parts.settings.sync_seconds)
            if piece is not None:
                k += 1
                sent.add(piece)
                yield piece
            elif outcome.done() or silent:
                record = await _ended(parts, asked, outcome.result() if outcome.done() else None)
        file = await _rest(parts, record, sent)
        async with aclosing(read_on(file, record.file_size - sent.size)) as rest:
            async for piece in rest:
                yield piece


async def _silence(news: set[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait for news; whether there was none in that time."""
    done, _ = await asyncio.wait(news, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return not done


async def _piece(parts: Parts, asked: Asked, k: int) -> bytes | None:
    try:
        return await asyncio.to_thread(pieces_of.read, parts.library.files.store, asked.file_id, k)
    except StoreError as error:
        raise ApiError(503, "storage_failed", f"the store does not answer: {error}") from error


async def _ended(parts: Parts, asked: Asked, outcome: Mapping[str, Any] | None) -> Record:
    """The record of what was spoken; `outcome`: what was said of it. Raises ApiError if it failed, or nobody knows."""
    if outcome is not None and "code" in outcome:
        raise ApiError.failed(outcome)
    record = await parts.speaking.outcome(asked)
    if record is None:
        raise ApiError(504, "synthesis_timeout", f"nothing for {parts.settings.sync_seconds:g} s; it goes on")
    return record


class _Sent:
    """What was sent: how much, and a hash of what the finished file must have in the same place."""

    def __init__(self, audio_format: str) -> None:
        self.size = 0
        self._head = HEAD_BYTES.get(audio_format, 0)
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """It was sent."""
        self._hash.update(piece[max(0, self._head - self.size) :])
        self.size += len(piece)

    def is_beginning_of(self, file: BinaryIO) -> bool:
        """Whether the file begins so. Blocking; leaves the file where the rest begins."""
        found, at = hashlib.sha256(), min(self._head, self.size)
        file.seek(at)
        while at < self.size and (data := file.read(min(1 << 18, self.size - at))):
            found.update(data)
            at += len(data)
        return at == self.size and found.digest() == self._hash.digest()


async def _rest(parts: Parts, record: Record, sent: _Sent) -> BinaryIO:
    """The file, of which what was sent is the beginning. Raises ApiError if it is not."""
    file = await open_audio(parts.library, record)
    if not await asyncio.to_thread(sent.is_beginning_of, file):
        file.close()
        # An engine of another version, or another writer, has spoken it differently since.
        raise ApiError(500, "internal", "what was sent is not the beginning of the file; fetch it anew")
    return file
