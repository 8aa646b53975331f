"""An example of every event, in one story: a request that is spoken, told and deleted, and one that fails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from storage.records import file_id, iso, sha256
from streams.errors import REASONS, ErrorCode
from streams.events import (
    EVENTS,
    AudioDeleted,
    AudioRetained,
    CancelRequested,
    CleanupRequested,
    Event,
    SynthesisCompleted,
    SynthesisFailed,
    SynthesisProgressed,
    WebhookDelivery,
)
from streams.headers import ERRORS, again

NOW = datetime(2025, 1, 3, 10, 3, 12, 345678, UTC)
DAY = timedelta(hours=24)
TENANT, REQUEST_ID, OTHER_ID = "acme", "greeting-1", "greeting-2"
HOOK = "https://example.com/loa"
TRACE = {"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}

REQUEST: dict[str, Any] = {
    "text": "Hello from Loa.",
    "request_id": REQUEST_ID,
    "model": "auto",
    "language": "en",
    "format": "flac",
    "expiry_hours": 24,
    "tenant": TENANT,
    "priority": "interactive",
    "callback_url": HOOK,
    "metadata": {"article": 17},
}
REFUSED: dict[str, Any] = {"text": "Hello again.", "request_id": OTHER_ID, "tenant": TENANT, "voice": "nobody"}


def _about(request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "file_id": file_id(TENANT, request_id), "tenant": TENANT}


def _said(request_id: str) -> dict[str, Any]:
    said = REQUEST if request_id == REQUEST_ID else REFUSED
    return _about(request_id) | {name: said[name] for name in ("metadata", "callback_url") if name in said}


def _completed() -> SynthesisCompleted:
    named = file_id(TENANT, REQUEST_ID)
    return SynthesisCompleted(
        **_said(REQUEST_ID),
        file_path=f"/srv/loa/storage/audio/{named}.flac",
        format="flac",
        sample_rate=24_000,
        duration_seconds=1.25,
        file_size=31_482,
        sha256=sha256(b"the file"),
        pcm_sha256=sha256(b"its samples"),
        model="hibari",
        model_revision="0.2.1",
        voice="heart",
        language="en",
        text_sha256=sha256(REQUEST["text"].encode()),
        characters=len(REQUEST["text"]),
        chunks=1,
        created_at=NOW,
        expires_at=NOW + DAY,
        queue_seconds=0.01,
        synthesis_seconds=0.21,
        cached=False,
        cache_key=sha256(b"all that decided it"),
        attempts=1,
        worker="host-0",
    )


def _failed() -> SynthesisFailed:
    return SynthesisFailed(
        **_said(OTHER_ID),
        code=ErrorCode.UNKNOWN_VOICE,
        message="voice 'nobody' is unknown; allowed: hibari/heart",
        retryable=REASONS[ErrorCode.UNKNOWN_VOICE].retryable,
        attempts=1,
        failed_at=NOW,
        source="tts.requests-0-8",
        worker="host-0",
    )


def _delivery() -> WebhookDelivery:
    told = orjson.loads(_completed().model_dump_json(exclude_none=True, exclude={"callback_url", "audio_base64"}))
    return WebhookDelivery(
        endpoint="callback",
        url=HOOK,
        id=_completed().ce_id(),
        first=NOW,
        not_before=NOW,
        body=orjson.dumps({"type": "tts.completed", "timestamp": iso(NOW), "data": told}).decode(),
        request_id=REQUEST_ID,
        tenant=TENANT,
    )


def examples() -> dict[str, Event]:
    """One of each event, by the topics' short names. The failure's request is not the completed one's."""
    made: tuple[Event, ...] = (
        SynthesisProgressed(**_said(REQUEST_ID), state="chunk", chunk=1, chunks=1, seconds=1.25, worker="host-0"),
        _completed(),
        _failed(),
        CleanupRequested(cutoff=NOW, shard="a"),
        CancelRequested(request_id=OTHER_ID, tenant=TENANT),
        AudioDeleted(**_about(REQUEST_ID), reason="expired", file_size=31_482, deleted_at=NOW + DAY, created_at=NOW),
        AudioRetained(
            **_about(REQUEST_ID), created_at=NOW, expires_at=NOW + 2 * DAY, pinned=False, retained_at=NOW + DAY / 2
        ),
        _delivery(),
    )
    by_topic = {event.topic: event for event in made}
    return {event.topic: by_topic[event.topic] for event in EVENTS}


def retry_headers() -> dict[str, str]:
    """Headers of a request that waits for its second attempt."""
    made = again([], "tts.requests-0-7", 2, NOW, NOW + timedelta(seconds=5))
    return {name: value.decode() for name, value in made}


def dead_letter_headers() -> dict[str, str]:
    """Headers of the record that `REFUSED` became."""
    failed = _failed()
    said = {
        "exception": failed.code.value,
        "message": failed.message,
        "stacktrace": "",
        "topic": "tts.requests",
        "partition": "0",
        "offset": "8",
    }
    return {ERRORS + name: text for name, text in said.items()}
