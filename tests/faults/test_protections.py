"""The tests can fail: one protection is turned off at a time, and the checks must find what comes of it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from tests.faults import injected
from tests.faults.engines import FOLDER, NAME
from tests.faults.invariants import Findings, examine, file_id
from tests.faults.load import BAD, SOON_HOURS, Request, tones
from tests.faults.site import Site
from tests.faults.test_log import set_largest_message
from tests.faults.test_store import flip
from tests.faults.waits import last
from tests.kafka.processes import Loa, until

BOTH = pytest.mark.parametrize("off", [True, pytest.param(False, marks=pytest.mark.long)])
"""Without the protection, and in long runs with it too: the same scenario must then pass."""


async def worker(site: Site, protection: str, off: bool) -> Loa:
    return await site.worker(**({injected.VARIABLE: protection} if off else {}))


def with_hanging_engine(site: Site) -> Request:
    """The first process that is asked for this hangs for some seconds; a second one is there for others."""
    site.more = {
        "TTS_MODELS": f"tone,{NAME}",
        "TTS_ENGINE_PROCESSES": "2",
        "TTS_SYNTHESIS_TIMEOUT_SECONDS": "600",
        FOLDER: str(site.folder),
    }
    return {"request_id": "slow", "text": "This will hang once.", "model": "faulty"}


async def found(site: Site) -> Findings:
    """What is wrong now, looked up without waiting for anything to become right."""
    return examine(await site.evidence())


def expect(findings: Findings, letter: str, off: bool) -> None:
    hit = [problem for problem in findings.problems if problem.startswith(letter)]
    assert hit if off else not findings.problems, findings.problems


@BOTH
async def test_without_the_window_a_request_is_lost(site: Site, off: bool) -> None:
    slow = with_hanging_engine(site)
    first = await worker(site, "without_window", off)
    await site.produce(slow, key=b"one partition")
    async with site.reader("completed") as reader:
        for tone in tones(5):
            await site.produce(tone, key=b"one partition")
        await reader.answered(*(tone["request_id"] for tone in tones(5)))
    if off:
        await site.settled()
    first.send(signal.SIGKILL)
    await first.status()
    await site.worker()
    await site.settled()
    expect(await found(site), "A", off)


@BOTH
async def test_without_write_once_a_result_changes(site: Site, off: bool) -> None:
    """The look into the store is off in either case: two writers that know nothing of each other."""
    faults = "without_lookup,without_write_once" if off else "without_lookup"
    (request,) = tones(1)
    await site.worker(**{injected.VARIABLE: faults})
    await site.produce(request)
    await site.settled()
    await site.produce(request | {"text": "Other content."})
    await site.settled()
    expect(await found(site), "C", off)


@BOTH
async def test_without_twins_in_hand_work_is_done_twice(site: Site, off: bool) -> None:
    slow = with_hanging_engine(site)
    await worker(site, "without_dedupe", off)
    await site.produce(slow, slow, slow)
    async with site.reader("progress") as reader:
        await reader.until(lambda: reader.of("progress", state="started"), "the first start")
        if off:
            await reader.until(lambda: len(reader.of("progress", state="started")) > 1, "a second start")
        else:
            await last(3, "time in which a second start would show")
            await reader.to_end()
        started = Counter(event["file_id"] for event in reader.of("progress", state="started"))
    assert (max(started.values()) > 1) is off


async def test_without_the_watchdog_a_worker_sits_idle(site: Site) -> None:
    """With it: see the stuck request among the tests of workers."""
    stuck = await site.worker(
        **{injected.VARIABLE: "request_stuck,without_watchdog", "TTS_WINDOW_MAX_AGE_SECONDS": "1"}
    )
    await site.produce(*tones(1))
    async with site.reader("completed", "failed") as reader:
        await last(4, "several times the age at which it should have left")
        await reader.to_end()
        assert not reader.outcomes()
    assert stuck.running
    expect(await found(site), "A", off=True)


@BOTH
async def test_without_tombstones_a_deleted_file_comes_back(site: Site, off: bool) -> None:
    (request,) = tones(1, expiry_hours=SOON_HOURS)
    await worker(site, "without_tombstone", off)
    async with site.reader("deleted") as reader:
        await site.produce(request)
        await reader.until(lambda: reader.of("deleted"), "its deletion")
    await site.produce(request)
    await site.settled()
    expect(await found(site), "D", off)


@BOTH
async def test_without_a_look_at_the_audio_damage_is_announced(site: Site, off: bool) -> None:
    (request,) = tones(1)
    await worker(site, "without_verifying", off)
    await site.produce(request)
    await site.settled()
    flip(site.storage / f"{file_id(('default', request['request_id']))}.wav")
    await site.produce(request)
    await site.settled()
    expect(await found(site), "B", off)


@BOTH
async def test_without_kept_failures_a_request_ends_twice(site: Site, off: bool) -> None:
    """The engine fails once, in the last try, and the worker dies before its record is passed."""
    site.more = {"TTS_MODELS": f"tone,{NAME}", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "1"}
    site.more |= {FOLDER: str(site.folder)}
    fault = {injected.VARIABLE: "without_kept_failures"} if off else {}
    first = site.start_worker(LOA_CRASH_AT="failed.told", **fault)
    await site.produce({"request_id": "r", "model": "faulty", "text": "This will fail once."})
    assert await first.status() == -signal.SIGKILL
    await worker(site, "without_kept_failures", off)
    await site.settled()
    expect(await found(site), "A", off)


@BOTH
async def test_without_patience_a_file_goes_early(site: Site, off: bool) -> None:
    requests = tones(3, expiry_hours=0.5)
    await worker(site, "without_patience", off)
    await site.produce(*requests)
    await site.settled()
    async with site.reader("deleted") as reader:
        if off:
            # A file may go twice: while it is being written, and when it is there.
            await reader.until(
                lambda: len({event.fields["file_id"] for event in reader.of("deleted")}) == len(requests), "deletions"
            )
        else:
            await last(4, "several intervals of clean-up")
    expect(await found(site), "D", off)


@BOTH
async def test_without_the_word_of_the_broker_an_outcome_is_lost(site: Site, off: bool) -> None:
    """The topic of outcomes refuses everything for a while."""
    site.statuses.add(1)
    await set_largest_message(site, "completed", 1)
    first = await worker(site, "without_waiting_for_the_broker", off)
    await site.produce(*tones(3))
    if off:
        await site.settled()
    else:
        assert await first.status() == 1
    await set_largest_message(site, "completed", 1 << 20)
    if off:
        first.send(signal.SIGTERM)
        await first.status()
    await site.worker()
    await site.produce(BAD[0])
    await site.settled()
    expect(await found(site), "A", off)
    await asyncio.to_thread(site.end)
    await until(lambda: not site.left(), "the end of all")
