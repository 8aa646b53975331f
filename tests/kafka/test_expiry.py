"""Files go within one interval after their expiry, and never before, whoever asks for it and how often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from tests.kafka.installation import Installation
from tests.kafka.processes import POLL_SECONDS, until
from tests.kafka.reader import Event

INTERVAL_SECONDS = 3.0
SLOW_SECONDS = 15.0
"""What a busy machine may take beyond the interval."""

FAR_FUTURE = "2999-01-01T00:00:00Z"


def request(name: str, hours: float) -> dict[str, Any]:
    return {"request_id": name, "text": f"This is {name}.", "model": "tone", "expiry_hours": hours}


async def ask_for_clean_up(loa: Installation, *commands: dict[str, Any]) -> None:
    """Commands as an operator would write them by hand."""
    await loa.write("cleanup", [(b"by hand", orjson.dumps(command), []) for command in commands])


async def last_seen(path: Path) -> datetime:
    """Watch a file until it is gone; returns when it was seen for the last time."""
    seen = datetime.now(UTC)

    def gone() -> bool:
        nonlocal seen
        now = datetime.now(UTC)
        if path.exists():
            seen = now
            return False
        return True

    await until(gone, f"the end of {path.name}")
    return seen


def expiry(event: Event) -> datetime:
    return datetime.fromisoformat(event["expires_at"])


async def test_what_expires_goes_in_time_and_nothing_else(loa: Installation) -> None:
    loa.more = {"TTS_CLEANUP_INTERVAL_MINUTES": str(INTERVAL_SECONDS / 60)}
    await asyncio.gather(loa.worker(), loa.worker())
    short = [f"short-{number}" for number in range(4)]
    await loa.produce(*(request(name, 6 / 3600) for name in short), request("lasting", 1), request("unwanted", 1))
    shards = [{"cutoff": FAR_FUTURE, "shard": digit} for digit in "0123456789abcdef"]
    async with loa.reader("completed", "failed", "deleted") as reader:
        outcomes = await reader.answered(*short, "lasting", "unwanted")
        done = {name: events[0] for name, events in outcomes.items()}
        watches = [asyncio.create_task(last_seen(Path(done[name]["file_path"]))) for name in short]
        await ask_for_clean_up(loa, *shards * 2, {"file_id": done["unwanted"]["file_id"]})
        for name, watch in zip(short, watches, strict=True):
            assert await watch >= expiry(done[name]) - timedelta(seconds=2 * POLL_SECONDS), f"{name} went too early"
        await reader.until(lambda: len({e["file_id"] for e in reader.of("deleted")}) == 5, "five deletions")
        deleted = {event["request_id"]: event for event in reader.of("deleted")}
        assert deleted.keys() == {*short, "unwanted"}
        for name in short:
            late = datetime.fromisoformat(deleted[name]["deleted_at"]) - expiry(done[name])
            assert timedelta(0) <= late <= timedelta(seconds=INTERVAL_SECONDS + 1 + SLOW_SECONDS)
            assert deleted[name]["reason"] == "expired"
            assert deleted[name]["file_size"] == done[name]["file_size"]
        assert deleted["unwanted"]["reason"] == "requested"
        for events in (reader.of("deleted", request_id=name) for name in deleted):
            assert len({event.ce_id for event in events}) == 1
    for name in (*short, "unwanted"):
        tombstone = loa.metadata(done[name]["file_id"])
        assert tombstone["deleted_at"] and "text" not in tombstone
    assert loa.audio() == {f"{done['lasting']['file_id']}.wav": done["lasting"]["sha256"]}
    assert "text" in loa.metadata(done["lasting"]["file_id"])
    loa.check_workers()
