"""The reconciler beside workers whose window has one protection less: whatever they lose comes back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streams.kafka import EventWriter
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.readers.reconcile import Reconciler
from streams.settings import load as load_settings
from streams.topics import Topics
from tests.faults import injected
from tests.faults.invariants import Key
from tests.faults.load import load, tones
from tests.faults.settings import SEED, rounds
from tests.faults.site import Site
from tests.faults.test_protections import expect, found
from tests.faults.waits import more_outcomes, next_outcome
from tests.kafka.installation import PARTITIONS
from tests.kafka.processes import until

GRACE_SECONDS, INTERVAL_SECONDS = 3.0, 0.5
SOME = 12
"""Requests, spread over all partitions."""

LOSSES = {
    "window": "first_requests_hang,without_window",
    "hole_check": "records_vanish,without_hole_check",
    "first_record_check": "first_records_vanish,without_first_record_check",
    "epochs": "records_vanish_at_rebalances,without_epochs,without_hole_check",
    "seeking": "first_fetches_vanish,without_seeking,without_first_record_check",
}
"""By what is missing: a fault that it is there for, and the protection off; also another one that would see it."""

NOTICED = {
    "hole_check": ("records_vanish", "expected"),
    "first_record_check": ("first_records_vanish", "first record is"),
    "epochs": ("records_vanish_at_rebalances,without_hole_check", "first record is"),
    "hole_check_without_epochs": ("records_vanish_at_rebalances,without_epochs", "expected"),
    "first_record_check_without_seeking": ("first_fetches_vanish,without_seeking", "first record is"),
}
"""By who notices it: the same fault, and a part of what the worker says as it ends."""


@asynccontextmanager
async def reconciled(site: Site) -> AsyncIterator[Reconciler]:
    """Its own eyes on the same log, as `loa reconcile` has them."""
    settings = load_settings(site.settings)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    reconciler = Reconciler(settings, writer, Metrics(Part.RECONCILER), grace=GRACE_SECONDS)
    looking, once = asyncio.Lock(), reconciler.once

    async def look() -> int:
        async with looking:
            return await once()

    reconciler.once = look  # type: ignore[method-assign]
    task = asyncio.create_task(reconciler.run(INTERVAL_SECONDS))
    try:
        yield reconciler
    finally:
        async with looking:  # aiokafka leaves a connection open that was being made when it was cancelled
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.stop()


async def unanswered(site: Site) -> set[Key]:
    """Requests that have no outcome now."""
    evidence = await site.evidence()
    return evidence.requests.keys() - evidence.completed.keys() - evidence.failed.keys()


async def answered(site: Site) -> None:
    """Wait until every request has an outcome, brought back or not."""

    async def all_answered() -> bool:
        site.check_workers()
        return not await unanswered(site)

    await until(all_answered, f"an outcome for every request of {site.name}")


async def lost_by_now(site: Site) -> set[Key]:
    """What the group has passed without an outcome, once it has passed all there is."""
    await site.settled()
    lost = await unanswered(site)
    assert lost
    return lost


@pytest.mark.parametrize("with_reconciler", [True, False])
async def test_a_request_that_was_passed_unanswered_comes_back(site: Site, with_reconciler: bool) -> None:
    await site.produce(*tones(SOME))
    first = await site.worker(**{injected.VARIABLE: LOSSES["window"]})
    lost = await lost_by_now(site)
    first.kill()
    await site.worker()
    if not with_reconciler:
        await site.settled()
        expect(await found(site), "A", off=True)
        return
    async with reconciled(site) as reconciler:
        await answered(site)
        assert reconciler.brought_back == len(lost)
    await site.verify()


async def lose(site: Site, **settings: str) -> set[Key]:
    """Such workers, one that reads what lies there and one that joins it, pass requests for certain; which ones?"""
    await site.produce(*tones(SOME, "early"))
    async with site.kept(1, **settings):
        await site.settled()
    async with site.kept(2, **settings):
        await site.produce(*tones(SOME, "late"))
        return await lost_by_now(site)


@pytest.mark.parametrize("missing", LOSSES)
async def test_without_one_protection_under_kills_nothing_stays_lost(site: Site, missing: str) -> None:
    """At the end workers that lack nothing take over, so that all can be held against the promises."""
    site.statuses.add(1)  # one protection may still notice what another would have prevented
    settings = {injected.VARIABLE: LOSSES[missing]}
    chance, kills = random.Random(f"{missing}{SEED}"), rounds(2, 40)
    lost = await lose(site, **settings)
    site.running[0].kill()  # what hangs there has been passed as well
    async with reconciled(site) as reconciler:
        async with load(site), site.reader("completed", "failed") as reader, site.kept(2, **settings):
            for _ in range(kills):
                await more_outcomes(reader, chance.randint(5, 30))
                await until(lambda: site.running, "a worker to kill")
                chance.choice(site.running).kill()
                await next_outcome(site, reader, time.monotonic())
        for worker in site.running:
            worker.kill()
        for _ in range(2):
            site.start_worker()
        await answered(site)
        assert reconciler.brought_back >= len(lost)
        await site.verify(kills)


@pytest.mark.parametrize("by", NOTICED)
async def test_what_a_protection_notices_is_not_lost(site: Site, by: str) -> None:
    """The worker ends, and another one reads again what it has passed over."""
    fault, reason = NOTICED[by]
    site.statuses.add(1)
    await site.produce(*tones(SOME, "early"))
    first = site.start_worker(**{injected.VARIABLE: fault})
    async with site.reader("completed") as reader:
        early = {tone["request_id"] for tone in tones(SOME, "early")}
        await reader.until(lambda: not first.running or early <= reader.outcomes().keys(), "early ones, or its end")
    await site.worker()
    await site.produce(*tones(SOME, "late"))
    assert await first.status() == 1
    assert "HoleError" in first.said and reason in first.said
    await site.verify()


async def test_what_was_fetched_too_early_is_read_again(site: Site) -> None:
    """With seeking nothing is lost, and nobody ends."""
    await site.produce(*tones(SOME))
    await site.worker(**{injected.VARIABLE: "first_fetches_vanish"})
    await site.verify()


async def test_what_is_never_finished_is_not_passed(site: Site) -> None:
    """With the window a worker that dies has committed nothing behind what hangs, and what is finished is noted."""
    site.more = {"TTS_WINDOW_REQUESTS": str(4 * SOME)}  # so that none is moved, and noted in another topic
    await site.produce(*tones(SOME))
    first = await site.worker(**{injected.VARIABLE: "first_requests_hang"})

    async def noted() -> bool:
        return await site.open_records() == PARTITIONS

    await until(noted, "a note of all but the first of each partition")
    first.kill()
    site.start_worker()
    await site.verify()
    told = (await site.evidence()).completed
    assert len(told) == SOME and all(len(events) == 1 for events in told.values()), "nothing was done again"
