"""Identical requests on a real log: spoken once, copied by any worker, after a restart too, never across tenants."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from storage.records import Record, Tombstone
from streams.events import CleanupRequested
from streams.parts import open_files
from streams.settings import load
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import Installation
from tests.kafka.reader import Event, Reader
from tests.storage.servers import S3

TEXT = "The train on platform two is late by five minutes."
REUSE = {"TTS_REUSE_MINUTES": "60", "TTS_MODELS": "hibari,tone"}


def asked(name: str, **more: Any) -> dict[str, Any]:
    return {"request_id": name, "tenant": "acme", "text": TEXT, "model": "hibari", **more}


async def results(loa: Installation, reader: Reader, *requests: dict[str, Any]) -> list[Event]:
    """Ask for all at once; the first outcome of each, in order."""
    await loa.produce(*requests)
    names = [request["request_id"] for request in requests]
    told = await reader.answered(*names)
    return [told[name][0] for name in names]


async def deleted(loa: Installation, reader: Reader, spoken: Event) -> None:
    """Have the file deleted that was spoken, and wait until it is."""
    gone = CleanupRequested(file_id=spoken["file_id"])
    await loa.write("cleanup", [(gone.key().encode(), gone.encode(), [])])
    await reader.until(lambda: reader.of("deleted", file_id=spoken["file_id"]), "the one that was spoken is deleted")


async def test_identical_requests_are_spoken_once(loa: Installation) -> None:
    loa.more = REUSE
    worker = await loa.worker()
    async with loa.reader("completed", "failed", "progress", "deleted") as reader:
        together = await results(loa, reader, *[asked(f"together-{number}") for number in range(6)])
        assert sorted(event["cached"] for event in together) == [False] + [True] * 5
        assert len(reader.of("progress", state="started")) == 1
        assert len({event["sha256"] for event in together}) == 1
        assert len({event["file_id"] for event in together}) == 6
        assert len({event["cache_key"] for event in together}) == 1

        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        one, two = await loa.worker(TTS_WORKER_ID="one"), await loa.worker(TTS_WORKER_ID="two")
        later = await results(loa, reader, *[asked(f"later-{number}") for number in range(6)])
        assert {event["cached"] for event in later} == {True}, "known after a restart, to all workers"
        assert {event["worker"] for event in later} == {"one", "two"}

        (other, flac) = await results(loa, reader, asked("other", tenant="other"), asked("flac", format="flac"))
        assert (other["cached"], flac["cached"]) == (False, False)
        assert other["sha256"] == together[0]["sha256"], "the same all the same, but nobody was told so"

        spoken = next(event for event in together if not event["cached"])
        await deleted(loa, reader, spoken)
        (after,) = await results(loa, reader, asked("after"))
        assert (after["cached"], after["sha256"]) == (False, spoken["sha256"])

        for each in (one, two):
            each.send(signal.SIGTERM)
            assert await each.status() == 0
        audit = loa.run("audit", "--json", "--grace", "0")
        assert await audit.status() == 0, audit.said
    copies = loa.audio()
    assert all(copies[f"{event['file_id']}.wav"] == spoken["sha256"] for event in later)


async def test_workers_that_die_over_a_copy(loa: Installation) -> None:
    """Whoever comes next ends the copy that one has begun, and dies over the next one."""
    loa.more = REUSE
    worker = await loa.worker()
    async with loa.reader("completed", "failed", "deleted") as reader:
        (spoken,) = await results(loa, reader, asked("spoken"))
        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        points = ["making.copied", "store.audio", "completed.told"]
        for point in points:
            dying = loa.start_worker(LOA_CRASH_AT=point)
            await loa.produce(asked(point))
            assert await dying.status() == -signal.SIGKILL, f"it did not come to {point}"
        await loa.worker()
        told = await reader.answered(*points)
        await loa.settled()
        await reader.to_end()
        for point in points:
            assert {event["cached"] for event in reader.of("completed", request_id=point)} == {True}
            assert {event["sha256"] for event in told[point]} == {spoken["sha256"]}
        assert not reader.of("failed")
        assert set(loa.audio().values()) == {spoken["sha256"]}
        assert loa.unfinished() == []


async def test_a_copy_in_an_object_store_outlives_what_it_was_made_of(
    new_loa: NewLoa, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    loa = new_loa(TTS_STORAGE_DIR=s3.new_folder(), **s3.environment, **REUSE)
    worker = await loa.worker()
    async with loa.reader("completed", "failed", "progress", "deleted") as reader:
        (spoken,) = await results(loa, reader, asked("spoken"))
        (copy,) = await results(loa, reader, asked("copy", expiry_hours=48))
        assert (spoken["cached"], copy["cached"]) == (False, True)
        assert (copy["sha256"], copy["pcm_sha256"]) == (spoken["sha256"], spoken["pcm_sha256"])
        assert copy["file_id"] != spoken["file_id"] and copy["file_path"] != spoken["file_path"]
        assert copy["expires_at"] > spoken["expires_at"]
        assert not reader.of("progress", request_id="copy", state="chunk"), "nobody spoke it again"
        await deleted(loa, reader, spoken)
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    files = open_files(load(loa.settings))
    try:
        source, kept = files.find(spoken["file_id"]), files.find(copy["file_id"])
        assert isinstance(source, Tombstone) and files.store.size(spoken["file_path"].rpartition("/")[2]) is None
        assert isinstance(kept, Record) and files.verify(kept)
        assert (kept.sha256, kept.expiry_hours, kept.request_id) == (spoken["sha256"], 48, "copy")
    finally:
        files.store.close()
    audit = loa.run("audit", "--json", "--grace", "0")
    assert await audit.status() == 0, audit.said
