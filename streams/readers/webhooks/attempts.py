"""From event to delivery, and from the answer to an attempt to what comes next."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from storage.records import iso
from streams.events import WebhookDelivery
from streams.readers.identity import headers_of
from streams.readers.replay import when
from streams.readers.tail import event_of
from streams.readers.webhooks.endpoints import Endpoints
from streams.readers.webhooks.sender import Answer
from streams.settings import Settings

FACTOR = 4
LONGEST_PAUSE_SECONDS = 4 * 3600.0
NEVER_TOLD = frozenset({"audio_base64", "callback_url"})


def deliveries(record: ConsumerRecord, short: str, endpoints: Endpoints, settings: Settings) -> list[WebhookDelivery]:
    """What is to be delivered of an event; nothing of one that is too old to be told, or no event of ours.

    The body is the same in every attempt and for all endpoints: `{"type", "timestamp", "data"}`, the data being the
    event without its audio.
    """
    event = event_of(record)
    message_id = headers_of(record).get("ce_id", b"").decode("utf-8", "replace")
    written = when(record)
    if not event or not message_id or datetime.now(UTC) - written > timedelta(hours=settings.webhook_give_up_hours):
        return []
    told = {name: value for name, value in event.items() if name not in NEVER_TOLD}
    body = orjson.dumps({"type": f"tts.{short}", "timestamp": iso(written), "data": told}).decode()
    about = {name: _text(event, name) for name in ("request_id", "tenant")}
    return [
        WebhookDelivery(endpoint=name, url=url, id=message_id, first=written, not_before=written, body=body, **about)
        for name, url in endpoints.told(short, event)
    ]


def after(delivery: WebhookDelivery, answer: Answer, settings: Settings) -> WebhookDelivery:
    """What the log is to say next: delivered, gone, given up, or due again after a pause with jitter."""
    now = datetime.now(UTC)
    if answer.taken or answer.gone:
        return ended(delivery, "delivered" if answer.taken else "gone", answer.detail)
    pause = min(settings.webhook_retry_seconds * FACTOR ** (delivery.attempt - 1), LONGEST_PAUSE_SECONDS)
    pause = max(pause * random.uniform(0.75, 1.25), min(answer.retry_after, LONGEST_PAUSE_SECONDS))  # noqa: S311
    due = now + timedelta(seconds=pause)
    if due - delivery.first > timedelta(hours=settings.webhook_give_up_hours):
        return ended(delivery, "given_up", answer.detail)
    return delivery.model_copy(update={"attempt": delivery.attempt + 1, "not_before": due, "detail": answer.detail})


def ended(delivery: WebhookDelivery, state: str, detail: str) -> WebhookDelivery:
    """Its last word in the log; the body is not kept."""
    return delivery.model_copy(update={"state": state, "detail": detail, "not_before": datetime.now(UTC), "body": None})


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) else None
