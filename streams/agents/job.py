"""A request that was understood: what to speak, with which voice, for whom, and how long it will take."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from models.audio import delivered_rate
from models.choice import Choice
from models.engine import ModelError, UnknownModel, UnknownVoice, UnsupportedFormat, UnsupportedLanguage
from models.registry import Registry
from models.schedule import Lane
from models.speak import estimate_seconds, plan
from models.text import Chunk, clean, has_speech, take_speaker_tag
from storage.records import file_id
from streams.agents.delivery import Delivery
from streams.errors import ErrorCode, RequestError
from streams.requests import SynthesisRequested
from streams.settings import Settings

REFUSALS: dict[type[ModelError], ErrorCode] = {
    UnknownModel: ErrorCode.UNKNOWN_MODEL,
    UnknownVoice: ErrorCode.UNKNOWN_VOICE,
    UnsupportedFormat: ErrorCode.UNSUPPORTED_FORMAT,
    UnsupportedLanguage: ErrorCode.UNSUPPORTED_LANGUAGE,
}


@dataclass(slots=True, eq=False)
class Job:
    """One request in hand. `deliveries`: the record, and repeats of it that came while it was in hand.

    `content`: the request's fingerprint. `chunks`: what is spoken in one go each. `seconds`: of speech, estimated.
    `started`: when an engine began with it. `reason`: why it must not be spoken any further.
    `limit`: of the time of being spoken. `after`: one of the same id that was in hand before. `finished`: set when it
    is not in hand any more.
    """

    request: SynthesisRequested
    request_id: str
    file_id: str
    content: str
    choice: Choice
    chunks: list[Chunk]
    seconds: float
    deliveries: list[Delivery]
    lane: Lane = Lane.INTERACTIVE
    started: datetime | None = None
    reason: RequestError | None = None
    limit: asyncio.Timeout | None = None
    closed: bool = False
    after: "Job | None" = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def first(self) -> Delivery:
        """The record that was taken up."""
        return self.deliveries[0]

    @property
    def attempt(self) -> int:
        """The number of this try: the highest that one of the deliveries says."""
        return max(delivery.attempt for delivery in self.deliveries)

    def close(self) -> list[Delivery]:
        """The outcome is decided: repeats that come from now on are answered for themselves."""
        self.closed = True
        return self.deliveries

    def interrupt(self, code: ErrorCode, message: str) -> None:
        """Stop speaking as soon as possible; what is being committed is committed."""
        if self.reason is None:
            self.reason = RequestError(code, message)
            if self.limit is not None:
                self.limit.reschedule(0)

    @asynccontextmanager
    async def until_interrupted(self) -> AsyncIterator[None]:
        """What is awaited within the block is cancelled by `interrupt`. Raises the RequestError of that then."""
        self.check()
        try:
            async with asyncio.timeout(None) as self.limit:
                yield
        except Exception:
            self.check()  # says more than what came of it
            raise
        finally:
            self.limit = None
        self.check()

    def check(self) -> None:
        """Raises the RequestError of `interrupt`, if it was called."""
        if self.reason:
            raise self.reason

    def lifetime(self, settings: Settings) -> timedelta:
        """How long the file is kept."""
        hours = self.request.expiry_hours or settings.default_expiry_hours
        return timedelta(hours=hours if self.request.store else min(hours, settings.unstored_minutes / 60))

    def cache_key(self, settings: Settings) -> str:
        """Of all that decides the file's bytes, and of the tenant: files with the same one are interchangeable."""
        digest = hashlib.sha256()
        by = [self.request.tenant_id, self.content, self.choice.revision, self.choice.rate, settings.check]
        digest.update(orjson.dumps(by))
        for chunk in self.chunks:
            digest.update(orjson.dumps([self.choice.of(chunk).full_voice, chunk.text, chunk.pause_after_seconds]))
        return digest.hexdigest()

    def conflict(self) -> RequestError:
        """The refusal of a request whose id was used before for other content."""
        message = f"request_id: {self.request_id!r} was used before for other content; the first result stays"
        return RequestError(ErrorCode.REQUEST_CONFLICT, message)


def echo_of(request: SynthesisRequested) -> dict[str, Any]:
    """What an outcome repeats of a request of which no job was made."""
    return request.model_dump(include={"request_id", "tenant", "metadata"}) | {"callback_url": request.callback}


def understand(delivery: Delivery, request: SynthesisRequested, registry: Registry) -> Job:
    """A record's request → a job. Raises RequestError."""
    choice = choose(request, registry)
    chunks = plan(choice)
    request_id = request.request_id or delivery.origin
    return Job(
        request=request,
        request_id=request_id,
        file_id=file_id(request.tenant_id, request_id),
        content=request.content_sha256(),
        choice=choice,
        chunks=chunks,
        seconds=estimate_seconds(choice, chunks, request.speed),
        deliveries=[delivery],
    )


def choose(request: SynthesisRequested, registry: Registry) -> Choice:
    """Engine, voice and rate that can do it. Raises RequestError."""
    _, spoken = take_speaker_tag(clean(request.text))
    if not has_speech(spoken):
        raise RequestError(ErrorCode.INVALID_REQUEST, "text: there is no letter or number to speak in it")
    try:
        choice = registry.resolve(
            request.text,
            request.model,
            request.voice,
            request.speaker_id,
            request.language,
            mixed=request.mixed,
        )
        delivered_rate(request.format, choice.rate, request.sample_rate)
    except ModelError as error:
        raise RequestError(REFUSALS[type(error)], str(error)) from error
    return choice
