"""Topics are given more partitions while everything runs: all go on, and nothing is lost, said twice or heard twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition

from storage.index import Index
from streams.index import open_index
from streams.parts import open_files
from streams.readers.rebuild import check
from streams.settings import load
from tests.http.conftest import start_gateway
from tests.http.sse import EventStream
from tests.http.test_jobs import client_of
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import until
from tests.kafka.test_audit import audited

MORE = 2 * PARTITIONS + 1
REPEATED = 30
RECENT = 60


@asynccontextmanager
async def load_of(loa: Installation, sent: list[str]) -> AsyncIterator[None]:
    """New requests and, by their keys, old ones again, until the block ends; the producer learns of new partitions."""

    async def flow(producer: AIOKafkaProducer) -> None:
        for number in count():
            name = f"load-{number}"
            sent.append(name)
            for each in (name, sent[max(0, number - RECENT)]):
                body = orjson.dumps({"request_id": each, "text": f"This is {each}.", "model": "tone"})
                await producer.send_and_wait(loa.topic("requests"), body, each.encode())
            await asyncio.sleep(0.05)

    brokers = {"bootstrap_servers": loa.kafka.bootstrap, "metadata_max_age_ms": 500, "linger_ms": 0}
    async with AIOKafkaProducer(**brokers) as producer:
        flowing = asyncio.create_task(flow(producer))
        try:
            yield
        finally:
            flowing.cancel()
            assert isinstance((await asyncio.gather(flowing, return_exceptions=True))[0], asyncio.CancelledError)


def added(pairs: Any, topic: str) -> set[int]:
    return {pair.partition for pair in pairs if pair.topic == topic and pair.partition >= PARTITIONS}


async def test_partitions_are_raised_under_load(new_loa: NewLoa) -> None:
    loa = new_loa(TTS_KAFKA_METADATA_SECONDS="1")
    await loa.create_topics()
    for _ in range(2):
        await loa.worker()
    _, address = start_gateway(loa)
    reconciler = loa.run("reconcile", "--grace", "30", "--interval", "1")
    await reconciler.ready()
    sent: list[str] = []
    stream = EventStream(address)
    async with stream.following():
        async with load_of(loa, sent):
            await stream.until("completed", REPEATED)
            command = loa.run("topics", "create", "--json", TTS_TOPIC_PARTITIONS=str(MORE))
            assert await command.status() == 0, command.said
            rows = {row["topic"]: row for row in command.lines}
            assert (rows[loa.topic("requests")]["partitions"], rows[loa.topic("commands")]["partitions"]) == (MORE, 1)

            async def taken_up() -> bool:
                loa.check_workers()
                return added(await loa.kafka.committed(loa.name), loa.topic("requests")) == set(range(PARTITIONS, MORE))

            await until(taken_up, "requests on all new partitions are answered")
            async with client_of(address) as client:
                for number in range(MORE):
                    body = {"text": f"Heard from any partition, {number}.", "model": "tone"}
                    assert (await client.post("/api/tts/synthesize", json=body)).status_code == 200
                workers = (await client.get("/api/tts/workers")).json()
                has = [number for each in workers["workers"] for number in each["partitions"][loa.topic("requests")]]
                assert sorted(has) == list(range(MORE)) and len(workers["workers"]) == 2
                assert (await client.get("/api/tts/queue")).json()["queue"]["partitions"] == MORE
            enough = len(stream.of("completed")) + REPEATED
            await stream.until("completed", enough)
        await loa.settled()
        await until(lambda: set(sent) <= set(stream.of("completed")), "all are heard")
    async with loa.reader("completed", "failed", "requests") as reader:
        outcomes = await reader.answered(*sent)
        await reader.to_end()
        assert not reader.of("failed")
        assert max(event.record.partition for event in reader.of("completed")) >= PARTITIONS
        places: dict[str, set[int]] = {}
        for event in reader.of("requests"):
            places.setdefault(event["request_id"], set()).add(event.record.partition)
        assert [name for name in sent if len(places[name]) > 1], "one id on two partitions, before and after"
    for name in sent:
        assert len({(e.ce_id, e["file_id"], e["sha256"]) for e in outcomes[name]}) == 1, "one result for all copies"
    assert Counter(stream.of("completed")) == Counter({name: len(events) for name, events in outcomes.items()}), (
        "each event is heard once"
    )
    report = await audited(loa)
    assert report.findings == {} and report.counts["requests"] >= len(sent)
    assert "brought back" not in reconciler.said
    await indexed(loa)


async def indexed(loa: Installation) -> None:
    """The gateway's projection has read all partitions, and its index says what the log says."""
    settings = load(loa.settings)
    index, files = open_index(settings), open_files(settings)
    try:
        ends = await loa.ends("requests")

        def read() -> bool:
            return _stands(index, ends)

        await until(read, "the index has read all partitions")
        drift = await check(settings, files, index, lambda *_: None, 0.0)
        assert not drift.counts, drift.examples
    finally:
        index.close()
        files.store.close()


def _stands(index: Index, ends: dict[TopicPartition, int]) -> bool:
    known = index.offsets()
    return all(known.get((pair.topic, pair.partition), 0) >= end for pair, end in ends.items())
