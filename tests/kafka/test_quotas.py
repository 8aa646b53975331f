"""Quotas on a real log: over them nothing is spoken, and neither a restart nor another worker forgets the count."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.events import CleanupRequested
from streams.quotas import Quotas
from streams.settings import load
from streams.topics import Topics
from tests.kafka.installation import Installation
from tests.kafka.reader import Event, Reader

TEXT = "This sentence is one of several that are all about as long as this one."


def asked(name: str, tenant: str = "acme", **more: Any) -> dict[str, Any]:
    return {"request_id": name, "tenant": tenant, "text": f"{TEXT} {name}", "model": "tone", **more}


async def outcome(loa: Installation, reader: Reader, request: dict[str, Any]) -> Event:
    """Ask, and wait for the first outcome."""
    await loa.produce(request)
    (*_, event) = (await reader.answered(request["request_id"]))[request["request_id"]]
    return event


async def outcome_after(loa: Installation, reader: Reader, request: dict[str, Any]) -> Event:
    """Ask again until there is a result: the worker may hear a little later than we why there can be one."""
    name = request["request_id"]
    while not (found := reader.of("completed", request_id=name)):
        told = len(reader.of("failed", request_id=name))
        await loa.produce(request)
        await reader.until(
            lambda: reader.of("completed", request_id=name) or len(reader.of("failed", request_id=name)) > told,  # noqa: B023
            f"{name} is answered",
        )
    return found[0]


async def counted(loa: Installation, now: datetime, tenant: str) -> tuple[float, int]:
    """Seconds and bytes that a reader with such a clock counts from the log."""
    settings = load(loa.settings)
    quotas = Quotas(settings, lambda: now)
    following = asyncio.create_task(quotas.follow(settings, Topics(settings)))
    reading = asyncio.create_task(quotas.read.wait())
    await asyncio.wait({following, reading}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    assert quotas.read.is_set(), following
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    quota = quotas.of(tenant)
    return quota.speech_used, quota.stored_used


async def test_a_day_of_speech(loa: Installation) -> None:
    loa.more = {"TTS_QUOTA_SPEECH_SECONDS": "acme=12,closed=0"}
    worker = await loa.worker()
    async with loa.reader("completed", "failed", "requests.dlq", "requests.retry") as reader:
        first = await outcome(loa, reader, asked("first"))
        assert first.short == "completed"
        for number in range(5):
            last = await outcome(loa, reader, asked(f"more-{number}"))
        assert (last.short, last["code"], last["retryable"]) == ("failed", "quota_exceeded", True)
        assert "acme" in last["message"] and "12 seconds" in last["message"]
        assert (await outcome(loa, reader, asked("closed", "closed")))["code"] == "quota_exceeded"
        assert (await outcome(loa, reader, asked("free", "free"))).short == "completed"

        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        one, two = await loa.worker(TTS_WORKER_ID="one"), await loa.worker(TTS_WORKER_ID="two")
        after = [await outcome(loa, reader, asked(f"after-{number}")) for number in range(6)]
        assert {event["code"] for event in after} == {"quota_exceeded"}, "a restart has not forgotten it"
        assert {event["worker"] for event in after} <= {"one", "two"}
        assert not reader.of("requests.dlq") and not reader.of("requests.retry")

        spoken = sum(event["duration_seconds"] for event in reader.of("completed", tenant="acme"))
        now = datetime.now(UTC)
        assert await counted(loa, now, "acme") == (spoken, 0)
        assert await counted(loa, now + timedelta(days=1), "acme") == (0.0, 0), "a new day"

        for each in (one, two):
            each.send(signal.SIGTERM)
            assert await each.status() == 0
        await loa.worker(TTS_QUOTA_SPEECH_SECONDS="acme=1000")
        raised = await outcome_after(loa, reader, asked("after-0"))
        assert raised.short == "completed", "the same request, once there is room"


async def test_what_is_stored(loa: Installation) -> None:
    loa.more = {"TTS_QUOTA_STORED_MB": "acme=0.3"}
    worker = await loa.worker()
    async with loa.reader("completed", "failed", "deleted") as reader:
        first, second = [await outcome(loa, reader, asked(name)) for name in ("first", "second")]
        assert (first.short, second.short) == ("completed", "completed")
        refused = await outcome(loa, reader, asked("refused"))
        assert refused["code"] == "quota_exceeded" and "MiB stored" in refused["message"]

        worker.send(signal.SIGKILL)
        await worker.status()
        await loa.worker()
        assert (await outcome(loa, reader, asked("still")))["code"] == "quota_exceeded"
        gone = CleanupRequested(file_id=first["file_id"])
        await loa.write("cleanup", [(gone.key().encode(), gone.encode(), [])])
        await reader.until(lambda: reader.of("deleted"), "one is deleted")
        assert (await counted(loa, datetime.now(UTC), "acme"))[1] == second["file_size"]
        assert (await outcome_after(loa, reader, asked("refused"))).short == "completed", "there is room again"
