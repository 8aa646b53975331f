"""Workers that die, freeze, leave and come: nothing is lost, nothing is there twice, nothing stays behind."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from streams.kafka import admin_client
from streams.settings import load as load_settings
from tests.faults import injected
from tests.faults.load import load, mixed, tones
from tests.faults.places import in_both_places
from tests.faults.settings import SEED, rounds
from tests.faults.site import Site
from tests.faults.waits import SESSION_SECONDS, last, more_outcomes, next_outcome
from tests.kafka.processes import alive, until


@in_both_places
async def test_a_worker_killed_again_and_again(site: Site) -> None:
    chance, kills = random.Random(SEED), rounds(3, 100)
    async with load(site), site.reader("completed", "failed") as reader, site.kept():
        for _ in range(kills):
            await more_outcomes(reader, chance.randint(5, 30))
            (worker,) = site.running
            engines = worker.children()
            worker.kill()
            killed = time.monotonic()
            await until(lambda engines=engines: not alive(engines), "the end of its engines")
            await next_outcome(site, reader, killed)
    await site.verify(kills)


async def test_five_kills_under_two_hundred_requests(site: Site) -> None:
    """Most are there from the beginning; every tenth is spoken by a voice that takes a while."""
    site.more = {"TTS_MODELS": "hibari,tone"}
    requests = [request | {"text": f"Tone {number}. " * 20} for number, request in enumerate(tones(200))]
    for request in requests[5::10]:
        request |= {"model": "hibari", "text": f"{request['request_id']} is in hand when the power goes."}
    await site.produce(*requests)
    async with site.reader("completed", "failed") as reader:
        for _ in range(5):
            worker = await site.worker()
            await more_outcomes(reader, 12)
            engines = worker.children()
            worker.kill()
            await until(lambda engines=engines: not alive(engines), "the end of its engines")
        assert len(reader.outcomes()) < len(requests), "none was killed in the middle"
        site.start_worker()
        await site.settled()
        await reader.to_end()
        told = reader.outcomes().values()
    assert all(len({(event["created_at"], event["worker"]) for event in events}) == 1 for events in told)
    findings = await site.verify(5)
    assert (findings.completed, findings.failed) == (len(requests), 0)


@pytest.mark.long
@in_both_places
async def test_one_of_two_workers_killed(site: Site) -> None:
    kills = rounds(1, 30)
    async with load(site), site.reader("completed", "failed") as reader, site.kept(2):
        for number in range(kills):
            await more_outcomes(reader, 10)
            site.running[number % 2].kill()
            await next_outcome(site, reader, time.monotonic())
    await site.verify(kills)


@in_both_places
async def test_a_worker_told_to_stop_under_load_finishes_what_it_holds(site: Site) -> None:
    stops = rounds(1, 20)
    async with load(site, per_second=40), site.reader("completed", "failed") as reader:
        for _ in range(stops):
            worker = await site.worker()
            await more_outcomes(reader, 20)
            worker.send(signal.SIGTERM)
            assert await worker.status() == 0
    site.start_worker()
    findings = await site.verify(stops)
    evidence = await site.evidence()
    started = Counter(e["file_id"] for e in evidence.events if e.short == "progress" and e["state"] == "started")
    assert started
    assert set(started.values()) == {1}, "nothing was spoken twice"
    assert findings.completed


async def test_a_worker_told_to_stop_while_its_group_waits_for_another(site: Site) -> None:
    """A rebalance takes as long as its slowest member; who leaves meanwhile waits for nobody."""
    deaf = await site.worker(**{injected.VARIABLE: "deaf_to_rebalances"})
    joining = site.start_worker()

    async def rebalancing() -> bool:
        site.check_workers()
        async with admin_client(load_settings(site.settings)) as admin:
            (answer,) = await admin.describe_consumer_groups([site.name])
        return str(answer.groups[0][2]) == "PreparingRebalance"

    await until(rebalancing, "a group that waits")
    joining.send(signal.SIGTERM)
    assert await joining.status() == 0, joining.said[-3000:]
    deaf.kill()
    await site.produce(*tones(5))
    site.start_worker()
    await site.verify()


async def test_a_worker_frozen_beyond_its_session(site: Site) -> None:
    site.statuses.add(1)  # one that was put out of the group may leave
    freezes = rounds(1, 15)
    async with load(site), site.reader("completed", "failed") as reader, site.kept(2):
        for number in range(freezes):
            frozen = site.running[number % 2]
            frozen.send(signal.SIGSTOP)
            try:
                await last(SESSION_SECONDS + 2, "the group must give the frozen worker's partitions away")
                await next_outcome(site, reader, time.monotonic())
            finally:
                frozen.send(signal.SIGCONT)
            await more_outcomes(reader, 10)
    await site.verify(freezes)


async def test_workers_come_and_go(site: Site) -> None:
    async with load(site), site.reader("completed", "failed") as reader, site.kept(1) as scale:
        for count in [3, 1] * rounds(1, 10):
            scale(count)
            await until(lambda count=count: len(site.running) == count, f"{count} workers")
            await until(lambda: all(worker.lines for worker in site.running), "workers at work")
            await more_outcomes(reader, 20)
    await site.verify(2 * rounds(1, 10))


@pytest.mark.long
async def test_a_rolling_restart(site: Site) -> None:
    restarts = 2 * rounds(1, 10)
    async with load(site), site.reader("completed", "failed") as reader, site.kept(2):
        for number in range(restarts):
            before = len(site.processes)
            worker = site.running[number % 2]
            worker.send(signal.SIGTERM)
            assert await worker.status() == 0
            await until(lambda before=before: len(site.processes) > before, "its replacement")
            await site.processes[-1].ready()
            await more_outcomes(reader, 10)
    await site.verify(restarts)


async def test_a_worker_with_a_stuck_request_ends_with_an_error(site: Site) -> None:
    site.statuses.add(1)
    stuck = site.start_worker(LOA_FAULT="request_stuck", TTS_WINDOW_MAX_AGE_SECONDS="2")
    requests = mixed("stuck")
    await site.produce(*[next(requests) for _ in range(20)])
    assert await stuck.status() == 1
    assert "in hand for" in stuck.said
    site.start_worker()
    await site.verify()
