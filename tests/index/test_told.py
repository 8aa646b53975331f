"""What records tell the index: requests as the worker names them, and events of any version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.index import Asked, CancelAsked, Completed, Deleted, DeliveryNoted, Failed, Progressed, Retained
from storage.index.deliveries import delivery_of
from storage.index.rows import file_of, job_of
from storage.records import file_id
from streams.events import WebhookDelivery
from streams.headers import again
from streams.readers.told import change_of, indexed
from streams.settings import load
from tests.unit.readers.log_fakes import BEGAN_MS, about, record

SETTINGS = load({})
TIME = "2025-01-03T10:03:12.345678Z"
WHEN = datetime(2025, 1, 3, 10, 3, 12, 345678, tzinfo=UTC)
RESULT = about("r1") | {
    "created_at": TIME,
    "expires_at": "2025-01-04T10:03:12.345678Z",
    "sha256": "a" * 64,
    "file_size": 1000,
    "duration_seconds": 2.5,
    "sample_rate": 24_000,
    "model": "tone",
    "format": "wav",
}
FAILURE = about("r1") | {"code": "unknown_voice", "failed_at": TIME, "source": "tts.requests-0-7", "attempts": 2}
PROGRESS = about("r1") | {"state": "chunk", "chunk": 2, "chunks": 3, "worker": "w"}
DELETION = about("r1") | {"reason": "expired", "deleted_at": TIME, "file_size": 1000}
DELIVERY = {
    "id": "22fe.completed",
    "endpoint": "callback",
    "url": "https://example.com/hook",
    "state": "due",
    "attempt": 2,
    "first": TIME,
    "not_before": "2025-01-03T10:03:32Z",
    "body": '{"type":"tts.completed"}',
    "detail": "500 Internal Server Error",
    "request_id": "r1",
    "tenant": "acme",
}


def told(short: str, value: Any, **more: Any) -> Any:
    data = json.dumps(value).encode() if isinstance(value, dict | list) else value
    return change_of(record(f"tts.{short}", data, **more), short, SETTINGS)


def test_a_request_without_a_name_is_named_by_its_place():
    change = told("requests", {"text": "[05] Xin chào.", "priority": "bulk"}, offset=7, seconds=0)
    assert isinstance(change, Asked)
    assert (change.about.tenant, change.about.request_id) == ("default", "tts.requests-0-7")
    assert change.about.file_id == file_id("default", "tts.requests-0-7")
    assert (change.place, change.source, change.lane, change.attempt) == (
        "tts.requests-0-7",
        "tts.requests-0-7",
        "bulk",
        1,
    )
    assert change.time == change.since == datetime.fromtimestamp(BEGAN_MS / 1000, UTC)
    assert (change.shown.speaker_id, change.shown.characters) == ("05", 14)
    assert change.estimated_seconds == pytest.approx(1.0, abs=0.6)


def test_a_copy_is_the_same_request():
    headers = again([], "tts.requests-1-2", 3, since=WHEN)
    change = told("requests.retry", {"text": "Again."}, offset=9, headers=[(n, v) for n, v in headers])
    assert (change.about.request_id, change.source, change.attempt, change.since) == (
        "tts.requests-1-2",
        "tts.requests-1-2",
        3,
        WHEN,
    )
    assert change.place == "tts.requests.retry-0-9"
    for edge in ("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"):
        assert job_of(told("requests", {"text": "Edge."}, headers=[("loa-since", edge.encode())]))
    assert told("requests.bulk", {"text": "Moved."}).lane == "bulk"
    assert (change.pool, change.moved) == ("", False)


def test_a_request_is_of_the_pool_on_whose_topic_it_is():
    headers = again([], "tts.requests-1-2", 1, routed=True)
    moved = told("requests.gpu.bulk", {"text": "Moved.", "model": "dia"}, headers=headers)
    assert (moved.pool, moved.moved, moved.lane) == ("gpu", True, "bulk")


@pytest.mark.parametrize("value", [None, b"", b"\xff", {"text": 7}, [], {"text": "a", "metadata": {"a": "b" * 20_000}}])
def test_what_is_no_valid_request_has_a_job_all_the_same(value):
    change = told("requests", value, offset=3)
    assert isinstance(change, Asked) and change.about.request_id == "tts.requests-0-3"
    assert change.estimated_seconds is None


def test_an_invalid_request_keeps_its_names():
    change = told("requests", {"request_id": "mine", "tenant": "acme", "metadata": {"a": 1}})
    assert (change.about.request_id, change.about.tenant, change.shown.metadata) == ("mine", "acme", {"a": 1})


def test_events():
    progressed, failed = told("progress", PROGRESS), told("failed", FAILURE)
    assert isinstance(progressed, Progressed) and (progressed.chunk, progressed.chunks) == (2, 3)
    assert isinstance(failed, Failed) and (failed.source, failed.attempts) == ("tts.requests-0-7", 2)
    completed, deleted = told("completed", RESULT), told("deleted", DELETION)
    assert isinstance(completed, Completed) and (completed.created_at, completed.size) == (WHEN, 1000)
    assert isinstance(deleted, Deleted) and (deleted.deleted_at, deleted.created_at) == (WHEN, None)
    assert told("deleted", DELETION | {"created_at": TIME}).created_at == WHEN
    assert told("deleted", DELETION | {"reason": "orphaned"}) is None
    keeping = about("r1") | {"created_at": TIME, "expires_at": TIME, "pinned": True, "retained_at": TIME}
    kept = told("retained", keeping)
    assert isinstance(kept, Retained) and (kept.created_at, kept.pinned, kept.retained_at) == (WHEN, True, WHEN)
    del keeping["retained_at"]
    assert told("retained", keeping) is None, "nothing was changed"
    cancelled = told("commands", {"request_id": "r1"})
    assert isinstance(cancelled, CancelAsked) and cancelled.about == completed.about


def test_a_delivery():
    noted = told("webhooks", DELIVERY, seconds=9)
    assert isinstance(noted, DeliveryNoted)
    assert (noted.webhook_id, noted.request_id, noted.tenant) == ("22fe.completed", "r1", "acme")
    assert (noted.state, noted.attempt, noted.created_at) == ("due", 2, WHEN)
    assert noted.time == datetime.fromtimestamp(BEGAN_MS / 1000 + 9, UTC)
    assert "body" not in delivery_of(noted) and job_of(noted) is None and file_of(noted) is None
    ended = told("webhooks", DELIVERY | {"state": "delivered", "body": None})
    assert ended.delivery_id == noted.delivery_id
    for name, other in (("id", "x"), ("url", "https://example.com/other"), ("endpoint", "billing")):
        assert told("webhooks", DELIVERY | {name: other}).delivery_id != noted.delivery_id
    orphan = told("webhooks", {n: v for n, v in DELIVERY.items() if n not in {"tenant", "request_id", "detail"}})
    assert (orphan.tenant, orphan.request_id, orphan.detail) == ("default", None, None)


def test_a_delivery_as_it_is_written():
    time = datetime(2025, 1, 3, tzinfo=UTC)
    written = WebhookDelivery(
        endpoint="billing", url="https://example.com", id="x.completed", first=time, not_before=time
    )
    assert told("webhooks", written.encode()).attempt == 1


def test_words_of_a_later_version_are_kept():
    assert told("failed", FAILURE | {"code": "a_new_code", "hint": "new"}).code == "a_new_code"
    assert told("deleted", DELETION | {"reason": "moved"}).reason == "moved"
    assert told("progress", PROGRESS | {"state": "mastered"}).chunk == 2
    assert told("webhooks", DELIVERY | {"state": "refused", "hint": "new"}).state == "refused"


@pytest.mark.parametrize(
    ("short", "value"),
    [
        ("completed", {}),
        ("completed", []),
        ("completed", None),
        ("completed", b"{"),
        ("completed", RESULT | {"file_id": "b" * 32}),
        ("completed", RESULT | {"tenant": ""}),
        ("completed", RESULT | {"file_size": -1}),
        ("completed", RESULT | {"file_size": 10**30}),
        ("completed", RESULT | {"created_at": "2025-01-03T10:03:12"}),
        ("completed", RESULT | {"created_at": "0001-01-01T00:00:00+23:00"}),
        ("completed", RESULT | {"duration_seconds": -1}),
        ("failed", FAILURE | {"attempts": 10**12}),
        ("progress", PROGRESS | {"chunk": 2**31}),
        ("progress", PROGRESS | {"tenant": "x" * 300}),
        ("deleted", DELETION | {"request_id": None}),
        ("commands", {"request_id": ""}),
        ("commands", {"request_id": 7}),
        ("cleanup", {"shard": "a"}),
        ("webhooks", {}),
        ("webhooks", None),
        ("webhooks", DELIVERY | {"endpoint": ""}),
        ("webhooks", DELIVERY | {"endpoint": "x" * 65}),
        ("webhooks", DELIVERY | {"url": "https://example.com/\0"}),
        ("webhooks", DELIVERY | {"attempt": -1}),
        ("webhooks", DELIVERY | {"attempt": 2**31}),
        ("webhooks", DELIVERY | {"first": "yesterday"}),
        ("webhooks", DELIVERY | {"tenant": "x" * 300}),
    ],
)
def test_what_tells_nothing(short, value):
    assert told(short, value) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


def test_metadata_that_cannot_be_written_again_is_left_out():
    deep: Any = 1
    for _ in range(300):
        deep = {"a": deep}
    change = told("completed", RESULT | {"metadata": deep})
    assert change.size == 1000 and job_of(change)["metadata"] is None


@given(
    st.sampled_from(indexed(SETTINGS)),
    st.sampled_from([RESULT, FAILURE, PROGRESS, DELETION, DELIVERY, {"text": "Hello."}]),
    st.dictionaries(
        st.sampled_from([*RESULT, *FAILURE, *PROGRESS, *DELETION, *DELIVERY, "metadata", "text"]), values, max_size=3
    ),
    st.binary(max_size=3),
)
def test_nothing_that_a_record_says_breaks_the_reader(short, fields, changed, garbage):
    for value in (json.dumps(fields | changed).encode(), garbage):
        headers = [("loa-source", garbage), ("loa-attempt", garbage), ("loa-since", garbage)]
        change = told(short, value, headers=headers)
        if change is not None:
            assert job_of(change) or file_of(change) or delivery_of(change)
