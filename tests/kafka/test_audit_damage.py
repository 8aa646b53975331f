"""A log and a store damaged on purpose: each kind of damage is found and named, and nothing else is."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from storage.records import file_id, iso
from streams.kafka import admin_client
from streams.readers.audit import Kind, Report, Scope
from streams.routes import group_of, in_pool
from streams.settings import load
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.reader import Event
from tests.kafka.test_audit import audited, tone

NAMES = [
    "audio-deleted", "bit-flipped", "metadata-deleted", "metadata-damaged", "two-outcomes", "two-results", "early",
    "overdue", "sha256", "unannounced", "unmarked", "sound", "sound-too",
]  # fmt: skip
OVERDUE_SECONDS = 0.5


async def spoken(loa: Installation) -> dict[str, Event]:
    """Requests with their results, and no worker any more."""
    worker = await loa.worker(TTS_CLEANUP_INTERVAL_MINUTES="60")
    hours = {"overdue": OVERDUE_SECONDS / 3600}
    requests = [tone(name, f"This is {name}.", expiry_hours=hours.get(name, 1)) for name in NAMES]
    await loa.produce(*requests, b"not json")
    await loa.settled()
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    async with loa.reader("completed") as reader:
        outcomes = await reader.answered(*NAMES)
    return {name: events[0] for name, events in outcomes.items()}


def named(report: Report) -> dict[Kind, set[str]]:
    """Which request each finding is about."""
    return {
        kind: {str(case.get("request_id", case.get("file"))) for case in found.examples}
        for kind, found in report.findings.items()
    }


async def event(loa: Installation, short: str, fields: dict[str, Any]) -> None:
    await loa.write(short, [(b"forged", orjson.dumps(fields), [])])


async def skip(loa: Installation, pool: str = "") -> None:
    """Commit past what no worker has spoken, as a member of the workers' group."""
    ends = await loa.ends(in_pool("requests", pool))
    group = group_of(load(loa.settings), pool)
    async with AIOKafkaConsumer(
        bootstrap_servers=loa.kafka.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(list(ends))

        async def taken() -> bool:
            try:
                await consumer.commit(ends)
            except KafkaError:  # the group still has a member
                return False
            return True

        await until(taken, f"{loa.name} made to skip")


async def damage_log(loa: Installation, done: dict[str, Event]) -> None:
    failed = {"code": "synthesis_failed", "message": "forged", "attempts": 1, "source": f"{loa.topic('requests')}-0-0"}
    two = done["two-outcomes"].fields
    about = {name: two[name] for name in ("request_id", "tenant", "file_id")}
    place = next(e for e in (await log(loa, "requests")) if e.fields.get("request_id") == "two-outcomes").record
    source = f"{place.topic}-{place.partition}-{place.offset}"
    await event(loa, "failed", failed | about | {"code": "cancelled", "source": source})
    await event(loa, "completed", done["two-results"].fields | {"pcm_sha256": "0" * 64, "attempts": 2})
    ghost = {"request_id": "forged", "file_id": file_id("default", "forged")}
    await event(loa, "completed", done["sound"].fields | ghost)
    early = done["early"].fields
    told = {"reason": "expired", "deleted_at": iso(datetime.now(UTC)), "file_size": early["file_size"]}
    await event(loa, "deleted", told | {name: early[name] for name in ("request_id", "tenant", "file_id")})
    errors = {"exception": b"synthesis_failed", "topic": place.topic.encode(), "partition": b"0", "offset": b"900"}
    headers = [(f"__streams.errors.{name}", value) for name, value in errors.items()]
    await loa.write("requests.dlq", [(b"k", orjson.dumps(tone("never-failed", "x")), headers)])
    await loa.produce(tone("skipped", "Passed, and never spoken."))
    await skip(loa)


async def log(loa: Installation, short: str) -> list[Event]:
    async with loa.reader(short) as reader:
        await reader.to_end()
        return [each for each in reader.events if (each.record.value or b"").startswith(b"{")]


def rewrite(loa: Installation, done: Event, **fields: Any) -> None:
    path = loa.storage / "metadata" / f"{done['file_id']}.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | fields))


def damage_store(loa: Installation, done: dict[str, Event]) -> None:
    def audio(name: str) -> Path:
        return Path(done[name]["file_path"])

    audio("audio-deleted").unlink()
    changed = bytearray(audio("bit-flipped").read_bytes())
    changed[1000] ^= 1
    audio("bit-flipped").write_bytes(changed)
    (loa.storage / "metadata" / f"{done['metadata-deleted']['file_id']}.json").unlink()
    rewrite(loa, done["metadata-damaged"], file_size="large")
    rewrite(loa, done["sha256"], sha256="f" * 64)
    for marker in loa.storage.glob(f"expiry/*/*/*-{done['unmarked']['file_id']}"):
        marker.unlink()
    (loa.storage / f"{'0' * 32}.wav").write_bytes(b"RIFF")
    stray = orjson.loads((loa.storage / "metadata" / f"{done['sound-too']['file_id']}.json").read_bytes())
    other = file_id("default", "stray")
    stray |= {"file_id": other, "request_id": "stray", "created_at": iso(datetime.now(UTC) - timedelta(seconds=1))}
    (loa.storage / "metadata" / f"{other}.json").write_bytes(orjson.dumps(stray))


async def test_every_kind_of_damage_is_found(loa: Installation) -> None:
    loa.more = {"TTS_CLEANUP_INTERVAL_MINUTES": "0.0001"}
    done = await spoken(loa)
    await damage_log(loa, done)
    damage_store(loa, done)
    report = await audited(loa)
    assert named(report) == {
        Kind.REQUEST_WITHOUT_OUTCOME: {"skipped"},
        Kind.TWO_OUTCOMES: {"two-outcomes", "two-results"},
        Kind.OUTCOME_WITHOUT_REQUEST: {"forged"},
        Kind.DEAD_LETTER_WITHOUT_FAILURE: {"never-failed"},
        Kind.AUDIO_MISSING: {"audio-deleted"},
        Kind.AUDIO_DIFFERS: {"bit-flipped", "sha256"},
        Kind.METADATA_MISSING: {"metadata-deleted", "forged"},
        Kind.METADATA_DIFFERS: {"metadata-damaged"},
        Kind.SHA256_DIFFERS: {"sha256"},
        Kind.FILE_WITHOUT_EVENT: {"stray"},
        Kind.DELETED_EARLY: {"early"},
        Kind.OVERDUE: {"overdue"},
        Kind.ORPHAN: {"0" * 32},
        Kind.MARKER_MISSING: {"unmarked"},
    }
    assert not report.held
    assert all(found.count == len(found.examples) for found in report.findings.values())


async def test_what_was_removed_from_the_log_is_a_gap(loa: Installation) -> None:
    worker = await loa.worker()
    await loa.produce(*[tone(f"gone-{number}", "Spoken.") for number in range(6)])
    await loa.settled()
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    await loa.produce(tone("unread", "x"), tone("unread-too", "x"), tone("left", "x"), tone("left-too", "x"))
    partition = TopicPartition(loa.topic("requests"), 0)
    async with admin_client(load(loa.settings)) as admin:
        await admin.delete_records({partition: RecordsToDelete(before_offset=3)})
    report = await audited(loa)
    assert set(report.findings) == {Kind.RETENTION_GAP}
    cases = report.findings[Kind.RETENTION_GAP].examples
    assert {"topic": partition.topic, "partition": 0, "removed_unread": 1} in cases
    assert {case["request_id"] for case in cases if "request_id" in case} == {"gone-0", "gone-3"}
    assert any("begins at offset 3" in note for note in report.notes)


async def test_what_expired_from_the_log_is_out_of_the_window(loa: Installation) -> None:
    worker = await loa.worker()
    await loa.produce(*[tone(f"early-{number}", "Spoken.") for number in range(3)])
    await loa.settled()
    async with loa.reader("requests") as reader:
        await reader.until(lambda: len(reader.events) == 3, "three requests")
        last = max(each.record.timestamp for each in reader.events) / 1000
    await loa.produce(*[tone(f"late-{number}", "Spoken.") for number in range(3)])
    await loa.settled()
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    since = datetime.fromtimestamp(last, UTC) + timedelta(milliseconds=1)
    report = await audited(loa, Scope(since=since, grace=0))
    assert report.findings == {}
    assert report.counts["requests"] == 3
    assert report.counts["out_of_window"] <= 3
