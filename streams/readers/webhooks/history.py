"""What the log says of deliveries: how each stands, and the way to have one made again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from storage.records import iso
from streams.events import WebhookDelivery
from streams.kafka import EventWriter
from streams.readers.replay import open_replay
from streams.settings import Settings
from streams.topics import Topics


async def history(
    settings: Settings, since: datetime | None = None, state: str | None = None, names: Iterable[str] = ()
) -> list[WebhookDelivery]:
    """Each delivery as it stands now, the oldest first. `names`: only those with such a webhook id or request id.

    Raises TopicsError, ReplayError.
    """
    topic = Topics(settings)["webhooks"].name
    found: dict[tuple[str, str, str], WebhookDelivery] = {}
    async with open_replay(settings, [topic]) as reader:
        await reader.window([topic], since)
        async for records in reader.batches([topic]):
            for record in records:
                delivery = _read(record.value)
                if delivery is not None:
                    key = delivery.id, delivery.endpoint, delivery.url
                    before = found.get(key)
                    body = delivery.body or (before.body if before else None)
                    found[key] = delivery.model_copy(update={"body": body})
    wanted = frozenset(names)
    return sorted(
        (
            each
            for each in found.values()
            if state in {None, each.state} and (not wanted or wanted & {each.id, each.request_id})
        ),
        key=lambda each: (each.first, each.endpoint),
    )


def row(delivery: WebhookDelivery) -> dict[str, Any]:
    """One delivery for a table or a JSON line."""
    shown = delivery.model_dump(include={"id", "request_id", "tenant", "endpoint", "url", "state", "attempt", "detail"})
    return {"time": iso(delivery.first)} | shown


async def retry(settings: Settings, chosen: Sequence[WebhookDelivery]) -> None:
    """Put deliveries on the log anew, as first attempts that are due now. Raises KafkaError."""
    now = datetime.now(UTC)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    try:
        for delivery in chosen:
            again = {"state": "due", "attempt": 1, "first": now, "not_before": now, "detail": None}
            await writer.emit(delivery.model_copy(update=again))
    finally:
        await writer.stop()


def _read(value: bytes | None) -> WebhookDelivery | None:
    try:
        return WebhookDelivery.model_validate_json(value or b"")
    except ValidationError:
        return None
