"""What lies behind a backlog is read in parts, the newest first."""

import asyncio

import orjson
from aiokafka import TopicPartition

from streams.agents.express import BACKLOG, END, NEAR, Express, Reading
from streams.metrics.worker import WorkerMetrics
from streams.readers.tail import tail
from streams.settings import load
from tests.fakes import MemoryWriter
from tests.kafka.installation import Installation
from tests.kafka.log import LONG_SECONDS, Kafka
from tests.kafka.processes import until


async def offsets(reading: Reading, count: int) -> list[int]:
    """Of the next so many records."""
    found: list[int] = []
    async with asyncio.timeout(LONG_SECONDS):
        while len(found) < count:
            found += [record.offset for records in await reading.read() for record in records]
            await asyncio.sleep(0)
    return found


async def test_a_part_is_read_once_and_what_comes_later_with_the_newest(kafka: Kafka) -> None:
    topic = await kafka.create_topic("reading-ahead")
    await kafka.produce(topic, *(str(number).encode() for number in range(30)))
    settings = load({"TTS_KAFKA_BROKERS": kafka.bootstrap})
    async with tail(settings, [topic]) as one, tail(settings, [topic]) as other:
        newest, rest = Reading(one), Reading(other)
        newest.follow({0: range(20, END)})
        rest.follow({0: range(5, 20)})
        assert await offsets(newest, 10) == list(range(20, 30))
        assert await offsets(rest, 15) == list(range(5, 20))
        assert newest.ends == {0: 30}
        await kafka.produce(topic, b"later")
        newest.follow({0: range(25, END)})
        rest.follow({0: range(6, 25)})
        assert await offsets(newest, 1) == [30], "a part keeps the bounds with which it was named"
        assert await rest.read() == [], "what comes later is the other's"
        rest.follow({})
        assert other.paused() == {TopicPartition(topic, 0)}
        rest.follow({0: range(29, 31)})
        assert await offsets(rest, 2) == [29, 30]


async def test_a_backlog_is_followed_to_where_the_log_ends_now(loa: Installation) -> None:
    """A worker that has enough does not fetch, and knows an old end of the log; what comes behind that is carried."""
    await loa.create_topics()
    settings = load({"TTS_KAFKA_BROKERS": loa.kafka.bootstrap, "TTS_TOPIC_PREFIX": loa.name})
    pair = TopicPartition(loa.topic("requests"), 0)
    flood = [orjson.dumps({"text": "Wait.", "priority": "bulk"})] * (2 * BACKLOG)
    await loa.kafka.produce(pair.topic, *flood, partition=pair.partition)
    taken, known = 0, 2 * BACKLOG
    writer = MemoryWriter()
    express = Express(settings, writer, lambda _: {0: range(taken, known)}, WorkerMetrics())  # type: ignore[arg-type]
    carrying = asyncio.create_task(express.run())
    try:
        for sentence in range(3):
            value = orjson.dumps({"text": "Now.", "tenant": f"{sentence}"})
            await loa.kafka.produce(pair.topic, value, partition=pair.partition)
            await until(lambda: len(writer.records) == sentence + 1, "it to be carried")  # noqa: B023
            taken = known - NEAR  # and nothing more was fetched
            await loa.kafka.produce(pair.topic, *flood[: NEAR + 1], partition=pair.partition)
    finally:
        carrying.cancel()
        await asyncio.wait({carrying})
    assert [orjson.loads(value)["tenant"] for _, _, value, _ in writer.records] == ["0", "1", "2"]
