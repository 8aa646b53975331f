"""Follow topics without a consumer group: nothing is committed, and no worker notices."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import UnknownTopicOrPartitionError

from streams.kafka import client_options
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES, TopicsError


@asynccontextmanager
async def tail(
    settings: Settings, topics: Sequence[str], *, beginning: bool = False
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that stands at the end (or the beginning) of all partitions of these topics once it is entered.

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
        await consumer.start()
        await (consumer.seek_to_beginning() if beginning else consumer.seek_to_end())
        yield consumer
    except UnknownTopicOrPartitionError as error:
        names = ", ".join(topics)
        raise TopicsError(f"{names}: one is missing; run `loa topics create`, or look at TTS_TOPIC_PREFIX") from error
    finally:
        await consumer.stop()


def event_of(record: ConsumerRecord) -> dict[str, Any] | None:
    """The record's JSON object; None if it is none."""
    try:
        fields = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
