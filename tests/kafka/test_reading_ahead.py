"""What lies behind a backlog is read in parts, the newest first."""

import asyncio

from aiokafka import TopicPartition

from streams.agents.express import END, Reading
from streams.readers.tail import tail
from streams.settings import load
from tests.kafka.log import LONG_SECONDS, Kafka


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
        await kafka.produce(topic, b"later")
        newest.follow({0: range(25, END)})
        rest.follow({0: range(6, 25)})
        assert await offsets(newest, 1) == [30], "a part keeps the bounds with which it was named"
        assert await rest.read() == [], "what comes later is the other's"
        rest.follow({})
        assert other.paused() == {TopicPartition(topic, 0)}
        rest.follow({0: range(29, 31)})
        assert await offsets(rest, 2) == [29, 30]
