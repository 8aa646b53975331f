"""Workers are restarted one by one under load, as for a new version: the group does not notice."""

from __future__ import annotations

import asyncio
import signal

from tests.faults.conftest import NewSite
from tests.faults.load import load
from tests.kafka.log import Kafka
from tests.kafka.test_audit import audited

WORKERS = 3
BETWEEN = 20


async def test_a_rolling_restart_loses_and_repeats_nothing(sites: NewSite, kafka: Kafka) -> None:
    """Each comes back under its name before its session has ended: its partitions wait, and no other's are touched."""
    site = sites(kafka, TTS_KAFKA_SESSION_TIMEOUT_SECONDS="120", TTS_KAFKA_METADATA_SECONDS="600")
    await site.create_topics()
    names = [f"worker-{number}" for number in range(WORKERS)]
    started = await asyncio.gather(*(site.worker(TTS_WORKER_ID=name) for name in names))
    workers = dict(zip(names, started, strict=True))
    async with site.reader("completed", "failed", "requests") as reader:
        async with load(site):
            await reader.until(lambda: len(reader.outcomes()) > BETWEEN, "work")
            shares = {name: worker.said.count("partitions assigned") for name, worker in workers.items()}
            for name in names:
                workers[name].send(signal.SIGTERM)
                assert await workers[name].status() == 0
                enough = len(reader.outcomes()) + BETWEEN
                await reader.until(lambda least=enough: len(reader.outcomes()) > least, "the others' answers")
                workers[name] = await site.worker(TTS_WORKER_ID=name)
                shares[name] = 1
                enough = len(reader.outcomes()) + BETWEEN
                await reader.until(lambda least=enough: len(reader.outcomes()) > least, "answers")
        await site.settled()
        await reader.to_end()
        asked = [event.record.value for event in reader.of("requests")]
        again = [name for name, events in reader.outcomes().items() if len(events) > 1]
        repeated = [value for value in set(asked) if asked.count(value) > 1]
    assert {name: worker.said.count("partitions assigned") for name, worker in workers.items()} == shares
    assert all(any(name.encode() in value for value in repeated) for name in again), "told again, though asked once"
    report = await audited(site)
    assert report.findings == {}
    await site.verify(WORKERS)
