"""The index of a real log: requests as they come, outcomes, files; killed, rewound, shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaProducer
from structlog.testing import capture_logs

from storage.index import Index
from streams.broker import EmbeddedBroker
from streams.events import CancelRequested
from tests.kafka.conftest import NewLoa
from tests.kafka.indexing import drift, emit, index_of, new_database, projecting, remove_before_end, rows, start_gateway
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.processes import until
from tests.kafka.test_audit import tone


async def test_bare_requests_have_jobs_from_queue_to_result(
    loa: Installation, opened: Callable[[Installation], Index]
) -> None:
    await loa.create_topics()
    places = await loa.produce(
        {"text": "Named by its place.", "model": "tone", "metadata": {"order": 7}},
        tone("named", "It has a name."),
        b"no json",
        tone("theirs", "Of another tenant.") | {"tenant": "acme"},
    )
    index = opened(loa)
    async with projecting(loa, index):
        queued = index.job("default", places[0])
        assert queued and (queued.status, queued.source) == ("queued", places[0])
        assert queued.estimated_seconds and queued.metadata == {"order": 7}
        assert index.totals(None).jobs["queued"] == 4
        assert {job.request_id for job in index.jobs("default").jobs} == {places[0], "named", places[2]}
        await loa.worker()
        await until(lambda: index.totals(None).jobs["completed"] == 3, "three results")
        await until(lambda: index.totals(None).jobs["failed"] == 1, "a failure")
    done, failed = index.job("default", places[0]), index.job("default", places[2])
    assert done and (done.status, done.progress, done.model) == ("completed", 1.0, "tone")
    assert done.started_at and done.finished_at and done.worker and done.metadata == {"order": 7}
    assert failed and (failed.code, failed.retryable, failed.attempts) == ("invalid_request", False, 1)
    assert index.job("default", "theirs") is None and index.job("acme", "theirs")
    file = index.file(done.file_id)
    stored = loa.metadata(done.file_id)
    assert file and (file.size, file.sha256) == (stored["file_size"], stored["sha256"])
    assert index.totals("acme").total_files == 1 and index.totals(None).total_files == 3
    assert index.queued_seconds() == 0


async def test_gateways_share_an_index_and_one_is_killed(new_loa: NewLoa, database_url: str) -> None:
    """Killed wherever it is, in the middle of a transaction as like as not: the other one takes over what it left."""
    loa = new_loa(TTS_DATABASE_URL=database_url)
    await loa.create_topics()
    index = index_of(loa)
    try:
        victims = [start_gateway(loa) for _ in range(2)]
        async with projecting(loa, index):
            for number, victim in enumerate(victims):
                await victim.ready()
                await loa.produce(*(tone(f"r{number}-{n}", "Many of them.") for n in range(600)))
                await until(partial(some_more_than, index, 600 * number), "some of them are there")
                victim.kill()
            await until(lambda: index.totals(None).jobs["queued"] == 1200, "all of them are there")
            assert (await drift(loa, index)).counts == {}
    finally:
        index.close()


def some_more_than(index: Index, count: int) -> bool:
    return index.totals(None).jobs["queued"] > count


async def test_gateways_with_an_index_each_read_everything_each(
    loa: Installation, opened: Callable[[Installation], Index]
) -> None:
    await loa.create_topics()
    one, other = opened(loa), opened(new_database(loa))
    async with projecting(loa, one), projecting(loa, other):
        await loa.produce(*(tone(f"r{n}", "For both.") for n in range(9)))
        await until(lambda: one.totals(None).jobs["queued"] == 9, "the one has them")
        await until(lambda: other.totals(None).jobs["queued"] == 9, "so has the other")


async def test_a_broker_that_is_away(
    new_broker: Callable[..., EmbeddedBroker], opened: Callable[[Installation], Index], tmp_path: Path
) -> None:
    broker = new_broker(tmp_path / "kafka")
    await asyncio.to_thread(broker.start)
    port = int(broker.bootstrap.rpartition(":")[2])
    loa = Installation(Kafka(broker.bootstrap), "away", tmp_path / "loa")
    await loa.create_topics()
    index = opened(loa)
    async with projecting(loa, index):
        await loa.produce(tone("before", "Before."))
        await until(lambda: index.job("default", "before"), "it is there")
        await asyncio.to_thread(broker.stop)
        again = new_broker(tmp_path / "kafka", port)
        await asyncio.to_thread(again.start)
        await loa.produce(tone("after", "After."))
        await until(lambda: index.job("default", "after"), "it reads on")
    assert index.totals(None).jobs["queued"] == 2


async def test_set_back_and_told_again_changes_nothing(new_loa: NewLoa, database_url: str) -> None:
    loa = new_loa(TTS_DATABASE_URL=database_url)
    await loa.create_topics()
    await loa.produce(*(tone(f"r{n}", "Again.") for n in range(50)))
    await emit(loa, CancelRequested(request_id="r1"))
    await loa.write("failed", [(None, b"{}", []), (None, b"no event", []), (b"key", None, [])])
    index = index_of(loa)
    try:
        async with projecting(loa, index):
            before = rows(index)
            stands = index.offsets()
            cancelled = index.job("default", "r1")
            assert cancelled and cancelled.cancel_requested_at and cancelled.status == "queued"
        index.begin(dict.fromkeys(stands, 0))
        async with projecting(loa, index):
            assert (rows(index), index.offsets()) == (before, stands)
            index.begin(dict.fromkeys(stands, 0))  # under its hands: it notices when it writes next
            await loa.produce(*(tone(f"new{n}", "New.") for n in range(9)))
            await until(lambda: index.totals(None).jobs["queued"] == 59, "the new ones are there")
            await until(lambda: all(index.offsets()[pair] >= stands[pair] for pair in stands), "it stands where it did")
        assert (await drift(loa, index)).counts == {}
    finally:
        index.close()


async def test_connections_to_the_database_are_cut(new_loa: NewLoa, postgres: str, prefix: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{prefix}"'.encode())
        loa = new_loa(TTS_DATABASE_URL=f"{postgres}&options=-csearch_path%3D{prefix}")
        await loa.create_topics()
        index = index_of(loa)
        try:
            async with projecting(loa, index):
                for number in range(5):
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'loa-index'"
                    )
                    await loa.produce(*(tone(f"r{number}-{n}", "Cut.") for n in range(20)))
                await until(lambda: index.totals(None).jobs["queued"] == 100, "all are there")
        finally:
            index.close()


async def test_what_retention_removed_is_told_and_passed(
    loa: Installation, opened: Callable[[Installation], Index]
) -> None:
    await loa.create_topics()
    await loa.produce(*(tone(f"r{n}", "Read.") for n in range(6)))
    index = opened(loa)
    async with projecting(loa, index):
        pass
    await loa.produce(*(tone(f"lost{n}", "Removed unread.") for n in range(3)))
    await remove_before_end(loa, "requests")
    await loa.produce(tone("kept", "Read again."))
    with capture_logs() as logged:
        async with projecting(loa, index):
            assert index.totals(None).jobs["queued"] == 7
    assert index.job("default", "lost0") is None and index.job("default", "kept") and index.job("default", "r5")
    told = [line for line in logged if "removed by retention" in line["event"]]
    assert sum(line["records"] for line in told) == 3 and {line["log_level"] for line in told} == {"error"}
    found = await drift(loa, index)
    assert found.counts == {}, "what is not in the log any more is no drift"


async def test_transactions_leave_offsets_without_records(
    loa: Installation, opened: Callable[[Installation], Index]
) -> None:
    await loa.create_topics()
    index = opened(loa)
    async with AIOKafkaProducer(bootstrap_servers=loa.kafka.bootstrap, transactional_id=loa.name) as producer:
        async with producer.transaction():
            await producer.send(loa.topic("requests"), b'{"text": "In a transaction.", "request_id": "one"}')
        async with projecting(loa, index):
            assert index.job("default", "one")
            async with producer.transaction():
                await producer.send(loa.topic("requests"), b'{"text": "In another.", "request_id": "two"}')
            await until(lambda: index.job("default", "two"), "it is there")
        async with projecting(loa, index):
            assert index.totals(None).jobs["queued"] == 2
