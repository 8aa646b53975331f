"""What a record tells the index: a request in the words of the contract, an event in those that the index keeps.

Events are read more freely than they are written: what a later version adds to a list of words must not be lost.
"""

from typing import Any

from aiokafka import ConsumerRecord
from pydantic import BaseModel, ConfigDict, ValidationError

from models.pace import ROUGH
from models.text import clean, take_speaker_tag
from storage.index import (
    About,
    Asked,
    CancelAsked,
    Change,
    Completed,
    Deleted,
    DeliveryNoted,
    Failed,
    Progressed,
    Retained,
    Shown,
)
from storage.records import Instant, file_id
from streams.events import CancelRequested
from streams.headers import ROUTED, attempt, origin, since
from streams.readers.identity import headers_of, place_of, understood
from streams.readers.replay import when
from streams.readers.tail import event_of
from streams.requests import DEFAULT_TENANT, SynthesisRequested
from streams.routes import REQUEST_TOPICS, part_of, request_topics, whose
from streams.settings import Settings

_EVENTS = ("progress", "completed", "failed", "deleted", "retained", "commands", "webhooks")


def indexed(settings: Settings) -> tuple[str, ...]:
    """The topics, by short name, that the index is made from."""
    return (*request_topics(settings), *_EVENTS)


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    file_id: str
    request_id: str
    tenant: str = DEFAULT_TENANT

    @property
    def about(self) -> About:
        """Raises ValueError for one that no request can have."""
        if self.file_id != file_id(self.tenant, self.request_id):
            raise ValueError("the file id is not that of tenant and request id")
        return About(self.file_id, self.tenant, self.request_id)


class _Progressed(_Told):
    chunk: int | None = None
    chunks: int
    worker: str = ""


class _Failed(_Told):
    code: str
    message: str = ""
    retryable: bool = False
    attempts: int = 1
    failed_at: Instant
    source: str = ""
    worker: str = ""


class _Completed(_Told):
    created_at: Instant
    expires_at: Instant
    sha256: str
    file_size: int
    duration_seconds: float
    sample_rate: int
    attempts: int = 1
    worker: str | None = None
    model: str
    voice: str | None = None
    speaker_id: str | None = None
    language: str | None = None
    format: str
    characters: int | None = None
    metadata: dict[str, Any] | None = None


class _Deleted(_Told):
    reason: str
    deleted_at: Instant
    created_at: Instant | None = None


class _Retained(_Told):
    created_at: Instant
    expires_at: Instant
    pinned: bool
    retained_at: Instant


class _Delivery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    endpoint: str
    url: str
    state: str = "due"
    attempt: int = 1
    first: Instant
    not_before: Instant
    detail: str | None = None
    request_id: str | None = None
    tenant: str | None = None


def change_of(record: ConsumerRecord, short: str, settings: Settings) -> Change | None:
    """What a record of some topic tells; None for one that tells nothing, such as an event of a stranger."""
    try:
        if part_of(short) in REQUEST_TOPICS:
            return _asked(record, short, settings)
        if short == "commands":
            command = CancelRequested.model_validate_json(record.value or b"")
            named = file_id(command.tenant, command.request_id)
            return CancelAsked(About(named, command.tenant, command.request_id), when(record))
        return _event(record, short, event_of(record) or {})
    except (ValidationError, ValueError):
        return None


def _asked(record: ConsumerRecord, short: str, settings: Settings) -> Asked:
    headers, place = headers_of(record), place_of(record)
    source = origin(headers, place)
    request, echo = understood(record, settings)
    tenant, request_id = echo.get("tenant") or DEFAULT_TENANT, echo.get("request_id") or source
    waits = part_of(short) == "requests.bulk" or (request is not None and request.priority == "bulk")
    return Asked(
        about=About(file_id(tenant, request_id), tenant, request_id),
        place=place,
        time=when(record),
        source=source,
        since=since(headers, when(record)),
        lane="bulk" if waits else "interactive",
        attempt=attempt(headers),
        estimated_seconds=estimate(request) if request else None,
        shown=_wanted(request) if request else Shown(metadata=echo.get("metadata")),
        pool=whose(short),
        moved=ROUTED in headers,
    )


def _wanted(request: SynthesisRequested) -> Shown:
    return Shown(
        model=request.model,
        voice=request.voice,
        speaker_id=request.speaker_id or take_speaker_tag(request.text)[0],
        language=request.language,
        format=request.format,
        characters=len(request.text),
        metadata=request.metadata,
    )


def estimate(request: SynthesisRequested) -> float:
    """Seconds of speech, roughly: which engine will speak it is not known here."""
    _, spoken = take_speaker_tag(clean(request.text))
    return ROUGH.seconds(spoken) / request.speed


def _event(record: ConsumerRecord, short: str, fields: dict[str, Any]) -> Change | None:
    if short == "webhooks":
        return _delivery(record, _Delivery.model_validate(fields))
    if short == "progress":
        progressed = _Progressed.model_validate(fields)
        return Progressed(progressed.about, when(record), progressed.worker, progressed.chunks, progressed.chunk)
    if short == "failed":
        told = _Failed.model_validate(fields)
        same = told.model_dump(include={"source", "failed_at", "code", "message", "retryable", "attempts", "worker"})
        return Failed(about=told.about, time=when(record), place=place_of(record), **same)
    if short == "completed":
        return _completed(_Completed.model_validate(fields))
    return _of_file(short, fields)


def _of_file(short: str, fields: dict[str, Any]) -> Change | None:
    if short == "deleted":
        gone = _Deleted.model_validate(fields)
        # Of an orphan nothing was ever announced; its request may still be spoken.
        return None if gone.reason == "orphaned" else Deleted(gone.about, gone.deleted_at, gone.reason, gone.created_at)
    if short == "retained":
        kept = _Retained.model_validate(fields)
        return Retained(kept.about, kept.created_at, kept.expires_at, kept.pinned, kept.retained_at)
    return None


def _delivery(record: ConsumerRecord, told: _Delivery) -> DeliveryNoted:
    return DeliveryNoted(
        webhook_id=told.id,
        endpoint=told.endpoint,
        url=told.url,
        tenant=told.tenant or DEFAULT_TENANT,
        request_id=told.request_id,
        state=told.state,
        attempt=told.attempt,
        created_at=told.first,
        time=when(record),
        not_before=told.not_before,
        detail=told.detail,
    )


def _completed(told: _Completed) -> Completed:
    shown = told.model_dump(include={"model", "voice", "speaker_id", "language", "format", "characters", "metadata"})
    return Completed(
        about=told.about,
        created_at=told.created_at,
        expires_at=told.expires_at,
        sha256=told.sha256,
        size=told.file_size,
        duration_seconds=told.duration_seconds,
        sample_rate=told.sample_rate,
        attempts=told.attempts,
        worker=told.worker,
        shown=Shown(**shown),
    )
