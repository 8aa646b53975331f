"""A worker refuses what would lose requests, waits for its broker, and finishes what it holds."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from functools import partial

from streams.broker import EmbeddedBroker
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.log import Kafka
from tests.kafka.processes import PATIENCE, Loa, until
from tests.kafka.scrape import scrape

LONG = " ".join(f"Sentence number {number} of a long story is being read aloud." for number in range(120))


def says(process: Loa, sentence: str) -> bool:
    return sentence in process.said


async def test_sigterm_finishes_what_is_in_hand(loa: Installation) -> None:
    loa.more = {"TTS_MODELS": "hibari", "TTS_DRAIN_SECONDS": str(PATIENCE)}
    worker = await loa.worker()
    names = ["long", *(f"short-{number}" for number in range(5))]
    texts = [LONG, *["A short text behind the long one."] * 5]
    await loa.produce(*({"request_id": name, "text": text} for name, text in zip(names, texts, strict=True)))
    async with loa.reader("progress", "completed", "failed") as reader:
        for name in names:
            await reader.until(partial(reader.of, "progress", request_id=name), f"{name} in hand")
        seen = await scrape(worker.lines[0]["health"])
        worker.send(signal.SIGTERM)
        await reader.to_end()
        assert not reader.of("completed", request_id="long"), "it has to be in the middle of it"
        assert seen.value("loa_in_hand_requests", lane="interactive") >= 1 <= seen.value("loa_consumer_lag_records")
        assert seen.value("loa_in_hand_bytes") >= len(LONG)
        assert min(seen.value("loa_in_hand_seconds"), seen.value("loa_window_age_seconds")) > 0
        assert seen.value("loa_engine_pieces") >= 1
        engines = worker.children()
        assert await worker.status() == 0
        await reader.to_end()
        assert sorted(event["request_id"] for event in reader.of("completed")) == sorted(names)
        (long,) = reader.of("completed", request_id="long")
        assert loa.audio()[f"{long['file_id']}.wav"] == long["sha256"]
    assert not [engine for engine in engines if engine.is_running()]
    committed = await loa.kafka.committed(loa.name)
    assert {pair: committed.get(pair) for pair in await loa.ends()} == await loa.ends()
    assert list(loa.storage.glob("tmp/w-*")) == list(loa.folder.glob("loa-faust-*")) == []


async def test_topics_that_do_not_fit_are_refused(new_loa: NewLoa) -> None:
    missing, other = new_loa("missing"), new_loa("other")
    await other.create_topics()
    ended = [missing.run("worker"), other.run("worker", TTS_TOPIC_PARTITIONS=str(PARTITIONS + 1))]
    wrong = missing.run("worker", TTS_DEFAULT_EXPIRY_HOURS="abc")
    assert await asyncio.gather(*(worker.status() for worker in ended)) == [1, 1]
    assert await wrong.status() == 2
    assert f"{missing.topic('requests')} is missing" in ended[0].said
    assert (
        f"{other.topic('requests')} has {PARTITIONS} partitions, and {PARTITIONS + 1} at least are expected"
        in ended[1].said
    )
    assert "TTS_DEFAULT_EXPIRY_HOURS='abc'" in wrong.said
    for each in (*ended, wrong):
        assert each.lines == [] and "Traceback" not in each.said


async def test_a_worker_waits_for_its_broker(new_broker: Callable[..., EmbeddedBroker], new_loa: NewLoa) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    broker, address = new_broker(port=port), f"127.0.0.1:{port}"
    loa = new_loa(TTS_KAFKA_BROKERS=address)
    worker, impatient = loa.start_worker(), loa.start_worker()
    for each in (worker, impatient):
        await until(partial(says, each, "no broker answers"), "that it says so")
        assert address in each.said and each.running and each.lines == []
    impatient.send(signal.SIGTERM)
    assert await impatient.status() == 0, impatient.said
    await asyncio.to_thread(broker.start)
    loa.kafka = Kafka(broker.bootstrap)
    await worker.ready()
    (sent,) = await loa.produce({"text": "There you are.", "model": "tone"})
    async with loa.reader("completed", "failed") as reader:
        assert (await reader.answered(sent))[sent][0].short == "completed"
    loa.end()


async def test_processes_that_share_a_name_leave_with_an_error(loa: Installation) -> None:
    """They would take the membership from each other without end, and each record would be worked on twice."""
    twins = [await loa.worker(TTS_WORKER_ID="twin") for _ in range(2)]
    await until(lambda: any(not twin.running for twin in twins), "the end of one")
    for twin in twins:
        loa.processes.remove(twin)
        if twin.running:
            twin.send(signal.SIGTERM)
    left = [twin for twin in twins if await twin.status() == 1]
    assert left
    assert all("another process has this TTS_WORKER_ID" in twin.said for twin in left)
    await loa.produce({"request_id": "r", "text": "One is enough.", "model": "tone"})
    await loa.worker(TTS_WORKER_ID="twin")
    async with loa.reader("completed") as reader:
        await reader.answered("r")
