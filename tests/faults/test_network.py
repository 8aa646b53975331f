"""The network between worker and broker: gone for a while, slow, cut again and again, and losing answers."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.load import load
from tests.faults.proxy import Proxy
from tests.faults.settings import LONG, SEED, rounds
from tests.faults.site import Site
from tests.faults.waits import last, more_outcomes, next_outcome

OUTAGE_SECONDS = 60.0 if LONG else 12.0


@pytest.fixture
def site(site: Site, proxy: Proxy) -> Site:
    """Workers reach the broker by the proxy alone; the test itself goes to it directly."""
    site.more = {"TTS_KAFKA_BROKERS": proxy.bootstrap}
    return site


async def test_a_broker_out_of_reach(site: Site, proxy: Proxy) -> None:
    worker = await site.worker()
    assert proxy.seen > 2, "it was told of the proxy, and nothing else"
    async with load(site, per_second=10), site.reader("completed", "failed") as reader:
        await more_outcomes(reader, 20)
        await proxy.vanish()
        await last(OUTAGE_SECONDS, "an outage longer than a session")
        await reader.to_end()
        await proxy.come_back()
        await next_outcome(site, reader, time.monotonic())
        await more_outcomes(reader, 20)
    assert worker.running
    await site.verify()


async def test_a_slow_network_that_is_cut_again_and_again(site: Site, proxy: Proxy) -> None:
    chance, cuts = random.Random(SEED), rounds(4, 100)
    worker = await site.worker()
    async with load(site), site.reader("completed", "failed") as reader:
        for _ in range(cuts):
            proxy.delay = chance.uniform(0.01, 0.1)
            await more_outcomes(reader, chance.randint(5, 15))
            await proxy.reset()
        proxy.delay = 0.0
        await more_outcomes(reader, 20)
    assert worker.running
    await site.verify(cuts)


async def test_answers_of_the_broker_that_are_late_or_lost(site: Site, proxy: Proxy) -> None:
    """What the worker has written is in the log, and it does not know: it writes again, or another delivery does."""
    losses = rounds(2, 50)
    worker = await site.worker()
    async with load(site), site.reader("completed", "failed") as reader:
        for number in range(losses):
            await more_outcomes(reader, 10)
            proxy.swallowed = 0
            proxy.answers.clear()
            await last(2, "requests go out, and their answers do not come back")
            assert proxy.swallowed, "an answer was held back"
            if number % 2 == 0:
                await proxy.reset()
            proxy.answers.set()
            await next_outcome(site, reader, time.monotonic())
    assert worker.running
    await site.verify(losses)
