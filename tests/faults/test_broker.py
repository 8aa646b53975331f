"""The broker dies, freezes, or is not there yet: workers sit it out, and go on by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker
from tests.faults.conftest import NewSite
from tests.faults.load import load, tones
from tests.faults.settings import rounds
from tests.faults.waits import SESSION_SECONDS, last, more_outcomes, next_outcome
from tests.kafka.log import Kafka
from tests.kafka.processes import until


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker for the tests of this module alone, which end with it running."""
    with EmbeddedBroker(tmp_path_factory.mktemp("frail")) as broker:
        yield broker


@pytest.fixture
def kafka(frail: EmbeddedBroker) -> Kafka:
    if not frail.running:
        frail.start()
    return Kafka(frail.bootstrap)


async def test_a_broker_killed_and_started_again(sites: NewSite, kafka: Kafka, frail: EmbeddedBroker) -> None:
    site, kills = sites(kafka), rounds(1, 20)
    await site.create_topics()
    await site.worker()
    async with load(site), site.reader("completed", "failed") as reader:
        for _ in range(kills):
            await more_outcomes(reader, 20)
            frail.kill()
            await asyncio.to_thread(frail.start)
            await next_outcome(site, reader, time.monotonic())
    await site.verify(kills)
    assert len(site.processes) == 1, "nobody had to restart the worker"


@pytest.mark.long
async def test_a_broker_frozen_beyond_the_session(sites: NewSite, kafka: Kafka, frail: EmbeddedBroker) -> None:
    site, freezes = sites(kafka), rounds(1, 10)
    await site.create_topics()
    await site.worker()
    async with load(site), site.reader("completed", "failed") as reader:
        for _ in range(freezes):
            await more_outcomes(reader, 20)
            os.killpg(frail.process_group, signal.SIGSTOP)
            try:
                await last(SESSION_SECONDS + 2, "sessions must end while the broker does not answer")
            finally:
                os.killpg(frail.process_group, signal.SIGCONT)
            await next_outcome(site, reader, time.monotonic())
    await site.verify(freezes)
    assert len(site.processes) == 1, "nobody had to restart the worker"


async def test_a_worker_started_before_its_broker(
    sites: NewSite, kafka: Kafka, frail: EmbeddedBroker, tmp_path: Path
) -> None:
    site = sites(kafka)
    await asyncio.to_thread(frail.stop)
    try:
        worker = site.start_worker()
        await until(lambda: "no broker answers" in worker.said, "a worker that waits for its broker")
        assert worker.running
    finally:
        await asyncio.to_thread(frail.start)
    await worker.ready()
    await site.produce(*tones(10))
    findings = await site.verify()
    assert findings.completed == 10
