"""What the index can be told, in short words: times are seconds after a beginning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from storage.index import (
    About,
    Asked,
    CancelAsked,
    Completed,
    Deleted,
    DeliveryNoted,
    Failed,
    Progressed,
    Retained,
    Shown,
)
from storage.records import file_id

BEGAN = datetime(2025, 1, 3, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def about(request_id: str, tenant: str = "default") -> About:
    return About(file_id(tenant, request_id), tenant, request_id)


def asked(who: About, seconds: float = 0, place: str = "tts.requests-0-0", **more: Any) -> Asked:
    """As the first record of a request; `since` and `source` make it a copy."""
    shown = Shown(model=more.pop("model", "auto"), format="wav", characters=20, metadata={"k": "v"})
    fields = {"source": place, "since": at(more.pop("since", seconds)), "estimated_seconds": 1.5, "shown": shown}
    return Asked(about=who, place=place, time=at(seconds), **(fields | more))


def progressed(who: About, seconds: float, chunk: int | None = None, chunks: int = 4, worker: str = "w") -> Progressed:
    return Progressed(who, at(seconds), worker, chunks, chunk)


def failed(
    who: About, seconds: float, code: str = "unknown_voice", source: str = "tts.requests-0-0", attempts: int = 1
) -> Failed:
    place = f"tts.failed-0-{int(seconds * 1000)}"
    return Failed(who, at(seconds), place, source, at(seconds), code, f"voice: {code}", False, attempts, "w")


def completed(who: About, seconds: float, hours: float = 24, size: int = 1000, model: str = "tone") -> Completed:
    shown = Shown(model, "sine", None, "en", "wav", 20, {"k": "v"})
    made = at(seconds)
    return Completed(who, made, made + timedelta(hours=hours), "a" * 64, size, 2.75, 24_000, 1, "w", shown)


def cancelled(who: About, seconds: float) -> CancelAsked:
    return CancelAsked(who, at(seconds))


def deleted(who: About, seconds: float, made: float | None = None, reason: str = "requested") -> Deleted:
    return Deleted(who, at(seconds), reason, None if made is None else at(made))


def retained(who: About, seconds: float, made: float, hours: float = 48, pinned: bool = False) -> Retained:
    return Retained(who, at(made), at(made) + timedelta(hours=hours), pinned, at(seconds))


def noted(
    name: str, seconds: float, state: str = "due", attempt: int = 1, first: float = 0, **more: Any
) -> DeliveryNoted:
    """A record of the delivery of `name`'s result to its callback."""
    fields: dict[str, Any] = {
        "webhook_id": f"{name}.completed",
        "endpoint": "callback",
        "url": f"https://example.com/{name}",
        "tenant": "default",
        "request_id": name,
        "detail": None if state == "due" else f"it is {state}",
        "not_before": at(seconds),
    } | more
    return DeliveryNoted(state=state, attempt=attempt, created_at=at(first), time=at(seconds), **fields)
