"""Outcomes as events: what the store or an error says, in the words of the contract."""

import base64
from datetime import UTC, datetime

from storage.records import Failure, Record, Tombstone, file_id
from streams.agents.delivery import Delivery
from streams.agents.job import Job
from streams.errors import ErrorCode, RequestError
from streams.events import AudioDeleted, AudioRetained, Headers, SynthesisCompleted, SynthesisFailed
from streams.links import links_of, signed_url
from streams.requests import DEFAULT_TENANT
from streams.settings import Settings


def completed(found: Record | Tombstone, settings: Settings, audio: bytes | None = None) -> SynthesisCompleted:
    """The event that says that a file was committed; the same each time it is said."""
    fields = found.model_dump()
    fields["metadata"] = fields["metadata"] or None
    counts = {name: fields["synthesis"][name] for name in ("text_sha256", "characters", "chunks")}
    url = None
    if settings.public_url and found.expires_at:
        url = signed_url(settings, links_of(settings), found.file_id, found.expires_at)
    inline = base64.b64encode(audio).decode() if audio is not None else None
    return SynthesisCompleted.model_validate(fields | counts | {"audio_url": url, "audio_base64": inline})


def failed(delivery: Delivery, error: RequestError, worker: str, job: Job | None = None) -> SynthesisFailed:
    """The event that says why a request ends without audio."""
    request_id = (job.request_id if job else error.echo.get("request_id")) or delivery.origin
    tenant = (job.request.tenant if job else error.echo.get("tenant")) or DEFAULT_TENANT
    return SynthesisFailed(
        request_id=request_id,
        file_id=file_id(tenant, request_id),
        tenant=tenant,
        metadata=job.request.metadata if job else error.echo.get("metadata"),
        callback_url=job.request.callback if job else error.echo.get("callback_url"),
        code=error.code,
        message=error.message,
        retryable=error.code.reason.retryable,
        attempts=delivery.attempt,
        failed_at=datetime.now(UTC),
        source=delivery.source,
        content_sha256=job.content if job else None,
        worker=worker,
    )


def failed_before(failure: Failure) -> SynthesisFailed:
    """The event that says what was decided when the last try failed; the same each time it is said."""
    fields = failure.model_dump() | {"metadata": failure.metadata or None}
    return SynthesisFailed.model_validate(fields | {"retryable": ErrorCode(failure.code).reason.retryable})


def dead_letter_headers(delivery: Delivery, failed: SynthesisFailed) -> Headers:
    """The record's own headers, and those of KIP-1034 that say where it came from and why it is here."""
    said = {
        "exception": failed.code.value,
        "message": failed.message,
        "stacktrace": "",
        "topic": delivery.topic,
        "partition": str(delivery.partition),
        "offset": str(delivery.offset),
    }
    return [*delivery.raw_headers, *((f"__streams.errors.{name}", text.encode()) for name, text in said.items())]


def deleted(tombstone: Tombstone) -> AudioDeleted:
    """The event that says that a file is gone; the same each time it is said."""
    return AudioDeleted.model_validate(tombstone.model_dump())


def retained(record: Record) -> AudioRetained:
    """The event that says how long a file is kept; the same each time it is said."""
    return AudioRetained.model_validate(record.model_dump())
