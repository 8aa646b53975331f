import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from streams import settings
from streams.events import WebhookDelivery
from streams.readers.webhooks.attempts import after, deliveries
from streams.readers.webhooks.endpoints import Endpoints
from streams.readers.webhooks.sender import Answer, _seconds
from tests.unit.webhooks.test_endpoints import SECRET

SETTINGS = settings.load({"TTS_WEBHOOK_SECRET": SECRET})
NOW = datetime.now(UTC)


def delivery(**more: Any) -> WebhookDelivery:
    fields = {"endpoint": "callback", "url": "https://a.example/", "id": "f.completed", "body": "{}"}
    return WebhookDelivery.model_validate(fields | {"first": NOW, "not_before": NOW} | more)


def written(event: object, age: timedelta = timedelta(), ce_id: bytes | None = b"f.completed") -> ConsumerRecord:
    stamp = int((NOW - age).timestamp() * 1000)
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = [("ce_id", ce_id)] if ce_id else []
    return ConsumerRecord("tts.completed", 0, 0, stamp, 1, None, value, None, 0, len(value), headers)


def test_the_body_is_the_event_without_audio_and_says_its_type() -> None:
    event = {"request_id": "r", "tenant": "t", "callback_url": "https://a.example/", "audio_base64": "AAAA", "later": 1}
    (made,) = deliveries(written(event), "completed", Endpoints(SETTINGS), SETTINGS)
    body = json.loads(made.body or "")
    assert body["type"] == "tts.completed"
    assert body["data"] == {"request_id": "r", "tenant": "t", "later": 1}
    assert (made.id, made.request_id, made.tenant, made.attempt, made.state) == ("f.completed", "r", "t", 1, "due")


@pytest.mark.parametrize(
    "record",
    [
        written({"request_id": "r"}),
        written(b"not json"),
        written({"callback_url": "https://a.example/"}, ce_id=None),
        written({"callback_url": "https://a.example/"}, timedelta(hours=25)),
        written({"callback_url": 7}),
    ],
)
def test_what_names_nobody_is_no_event_or_is_old_is_not_told(record: ConsumerRecord) -> None:
    assert deliveries(record, "completed", Endpoints(SETTINGS), SETTINGS) == []


def test_pauses_grow_and_end_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jitter, by which the last pause alone may differ by two hours."""
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    last, pauses = delivery(), []
    while last.state == "due":
        following = after(last, Answer(503, "503 Service Unavailable"), SETTINGS)
        if following.state == "due":
            pauses.append((following.not_before - datetime.now(UTC)).total_seconds())
            assert following.attempt == last.attempt + 1
        passed = timedelta(seconds=pauses[-1])
        last = following.model_copy(update={"first": following.first - passed})
    assert last.state == "given_up"
    assert last.body is None
    assert 3 < pauses[0] < 7
    assert pauses[3] > 10 * pauses[0]
    assert 20 * 3600 < sum(pauses) <= 24 * 3600
    assert 8 <= len(pauses) <= 16


def test_not_all_come_again_at_the_same_moment() -> None:
    failed = [after(delivery(), Answer(503, "503"), SETTINGS) for _ in range(200)]
    pauses = {(following.not_before - datetime.now(UTC)).total_seconds() for following in failed}
    assert 3 < min(pauses) < 4.5
    assert 5.5 < max(pauses) < 7


def test_the_ends() -> None:
    assert after(delivery(), Answer(204, "204 No Content"), SETTINGS).state == "delivered"
    assert after(delivery(), Answer(410, "410 Gone"), SETTINGS).state == "gone"
    redirected = after(delivery(), Answer(302, "302 Found"), SETTINGS)
    assert (redirected.state, redirected.attempt, redirected.detail) == ("due", 2, "302 Found")


def test_an_endpoint_may_ask_for_more_time() -> None:
    following = after(delivery(), Answer(429, "429", retry_after=600), SETTINGS)
    assert following.not_before - datetime.now(UTC) > timedelta(seconds=590)


@pytest.mark.parametrize(("text", "seconds"), [(None, 0), ("30", 30), ("soon", 0), ("-5", 0)])
def test_retry_after(text: str | None, seconds: float) -> None:
    assert _seconds(text, NOW) == seconds


def test_retry_after_a_date() -> None:
    assert _seconds("Fri, 03 Jan 2025 10:03:11 GMT", datetime(2025, 1, 3, 10, 2, 11, tzinfo=UTC)) == 60
