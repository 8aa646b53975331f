"""The reconciler beside workers whose window has one protection less: whatever they lose comes back."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streams.kafka import EventWriter
from streams.readers.reconcile import Reconciler
from streams.settings import load as load_settings
from streams.topics import Topics
from tests.faults import injected
from tests.faults.load import load, tones
from tests.faults.settings import SEED, rounds
from tests.faults.site import Site
from tests.faults.test_protections import expect, found, with_hanging_engine
from tests.faults.waits import more_outcomes, next_outcome
from tests.kafka.processes import until

GRACE_SECONDS, INTERVAL_SECONDS = 3.0, 0.5


@asynccontextmanager
async def reconciled(site: Site) -> AsyncIterator[Reconciler]:
    """Its own eyes on the same log, as `loa reconcile` has them."""
    settings = load_settings(site.settings)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    reconciler = Reconciler(settings, writer, grace=GRACE_SECONDS)
    task = asyncio.create_task(reconciler.run(INTERVAL_SECONDS))
    try:
        yield reconciler
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.stop()


async def answered(site: Site) -> None:
    """Wait until every request has an outcome, brought back or not."""

    async def all_answered() -> bool:
        site.check_workers()
        evidence = await site.evidence()
        return not evidence.requests.keys() - evidence.completed.keys() - evidence.failed.keys()

    await until(all_answered, f"an outcome for every request of {site.name}")


async def lose_one(site: Site) -> None:
    """A worker commits past a request that it still has in hand, and dies."""
    slow = with_hanging_engine(site)
    first = await site.worker(**{injected.VARIABLE: "without_window"})
    await site.produce(slow, key=b"one partition")
    async with site.reader("completed") as reader:
        for tone in tones(5):
            await site.produce(tone, key=b"one partition")
        await reader.answered(*(tone["request_id"] for tone in tones(5)))
    await site.settled()
    first.send(signal.SIGKILL)
    await first.status()


@pytest.mark.parametrize("with_reconciler", [True, False])
async def test_a_request_that_was_passed_unanswered_comes_back(site: Site, with_reconciler: bool) -> None:
    await lose_one(site)
    await site.worker()
    if not with_reconciler:
        await site.settled()
        expect(await found(site), "A", off=True)
        return
    async with reconciled(site) as reconciler:
        await answered(site)
        assert reconciler.brought_back == 1
    await site.verify()


@pytest.mark.parametrize("protection", ["without_window", "without_hole_check", "without_epochs", "without_seeking"])
async def test_without_one_protection_under_kills_nothing_stays_lost(site: Site, protection: str) -> None:
    site.statuses.add(1)  # one protection may still notice what another would have prevented
    chance, kills = random.Random(f"{protection}{SEED}"), rounds(2, 40)
    async with reconciled(site):
        settings = {injected.VARIABLE: protection}
        async with load(site), site.reader("completed", "failed") as reader, site.kept(2, **settings):
            for _ in range(kills):
                await more_outcomes(reader, chance.randint(5, 30))
                chance.choice(site.running).kill()
                await next_outcome(site, reader, time.monotonic())
        await answered(site)
        await site.verify(kills)
