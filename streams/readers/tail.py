"""Follow topics without a consumer group: nothing is committed, and no worker notices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from streams.kafka import admin_client, client_options, disconnect
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES, TopicsError

WAIT_MS = 200
MOST_AT_ONCE = 500
MISSING_SECONDS = 3.0


@asynccontextmanager
async def tail(
    settings: Settings, topics: Sequence[str], *, beginning: bool = False
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that stands at the end (or the beginning) of all partitions of these topics once it is entered.

    It keeps to these partitions; `records` adds what topics are given later.
    Raises TopicsError if a topic is missing, KafkaConnectionError where no broker answers.
    """
    consumer = AIOKafkaConsumer(
        *topics,
        **client_options(settings),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
    )
    try:
        await start(consumer, settings, topics)
        keep_partitions(consumer)
        await (consumer.seek_to_beginning() if beginning else consumer.seek_to_end())
        yield consumer
    finally:
        await disconnect(consumer.stop())


async def start(consumer: AIOKafkaConsumer, settings: Settings, topics: Iterable[str]) -> None:
    """Start a consumer of these topics.

    Raises TopicsError if one is missing, for each of which aiokafka would wait for 40 s; KafkaConnectionError where no
    broker answers.
    """
    what_to_do = "run `loa topics create`, or look at TTS_TOPIC_PREFIX"
    starting = asyncio.create_task(consumer.start())
    try:
        await asyncio.wait({starting}, timeout=MISSING_SECONDS)
        if not starting.done():
            async with admin_client(settings) as admin:
                missing = sorted(set(topics) - set(await admin.list_topics()))
            if missing:
                raise TopicsError(f"{', '.join(missing)}: missing; {what_to_do}")
        await starting
    except UnknownTopicOrPartitionError as error:
        raise TopicsError(f"{', '.join(topics)}: one is missing; {what_to_do}") from error
    finally:
        starting.cancel()
        await asyncio.wait({starting})


async def follow(
    settings: Settings,
    topics: Sequence[str],
    hear: Callable[[ConsumerRecord], object],
    read: asyncio.Event,
    since: datetime | None = None,
) -> None:
    """Let all records of these topics be heard, or those since a time, for as long as the caller lives.

    `read` is set once those of before this call were heard. Raises what `tail` does.
    """
    async with tail(settings, topics, beginning=True) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        if since is not None:
            stamp = int(since.timestamp() * 1000)
            found = await consumer.offsets_for_times(dict.fromkeys(ends, stamp))
            for pair, end in ends.items():
                consumer.seek(pair, found[pair].offset if found.get(pair) else end)
        async for found in batches(consumer):
            for record in found:
                hear(record)
            if not read.is_set() and all([await consumer.position(pair) >= ends[pair] for pair in ends]):
                read.set()


def keep_partitions(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer without a group have the partitions that it has, whatever becomes of its topics.

    aiokafka would begin all of them anew, at the beginning of the log, when one is added.
    """
    pairs = list(consumer.assignment())
    consumer.unsubscribe()
    consumer.assign(pairs)


async def records(consumer: AIOKafkaConsumer) -> AsyncIterator[ConsumerRecord]:
    """What comes, for as long as somebody listens; partitions that are added are read from their beginning.

    Raises KafkaError.
    """
    async for found in batches(consumer):
        for record in found:
            yield record


async def batches(consumer: AIOKafkaConsumer) -> AsyncIterator[list[ConsumerRecord]]:
    """As `records`, those that come together; none where nothing came for a moment."""
    while True:
        found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=MOST_AT_ONCE)
        yield [record for batch in found.values() for record in batch]
        await _take_added(consumer)


async def _take_added(consumer: AIOKafkaConsumer) -> None:
    """Partitions that topics were given since, from their beginning."""
    there = consumer.assignment()
    known = {TopicPartition(t, n) for t in {p.topic for p in there} for n in consumer.partitions_for_topic(t) or ()}
    if known - there:
        places = dict.fromkeys(known, 0) | {pair: await consumer.position(pair) for pair in there}
        consumer.assign(list(places))
        for pair, place in places.items():
            consumer.seek(pair, place)


def event_of(record: ConsumerRecord) -> dict[str, Any] | None:
    """The record's JSON object; None if it is none."""
    try:
        fields = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
