"""The broker of the tests, and short ways to write to and read from its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.window import Progress

LONG_SECONDS = 60.0
"""How long a test waits for what should come soon: a limit, never a pace."""


@dataclass(frozen=True)
class Kafka:
    """A real broker, and what tests do with it."""

    bootstrap: str

    async def create_topic(self, name: str, partitions: int = 1, **config: str) -> str:
        """Make a topic (`retention_ms="1000"` for retention.ms) and return its name."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            configs = {key.replace("_", "."): value for key, value in config.items()}
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        finally:
            await admin.close()
        return name

    async def produce(self, topic: str, *values: bytes | None, key: bytes | None = None, **more: Any) -> list[int]:
        """Write values in order and return their offsets; `more` goes to the producer's send."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, max_request_size=2 * 1024 * 1024)
        await producer.start()
        try:
            return [(await producer.send_and_wait(topic, value, key=key, **more)).offset for value in values]
        finally:
            await producer.stop()

    async def read(
        self,
        topic: str,
        enough: int | Callable[[Sequence[ConsumerRecord]], bool],
        seconds: float = LONG_SECONDS,
    ) -> list[ConsumerRecord]:
        """Read a topic from its start, without a group, until there are so many records, or enough of them.

        Fails with TimeoutError, which says what was read until then.
        """
        done = enough if callable(enough) else lambda records: len(records) >= enough
        records: list[ConsumerRecord] = []
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(seconds):
                while topic not in await consumer.topics():  # noqa: ASYNC110 - the broker has no event for it
                    await asyncio.sleep(0.05)
                consumer.subscribe([topic])
                while not done(records):
                    records.append(await consumer.getone())
        except TimeoutError:
            raise TimeoutError(f"{topic} had only {len(records)} records: {records}") from None
        finally:
            await consumer.stop()
        return records

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """The offsets that a group has committed."""
        return {partition: progress.offset for partition, progress in (await self.progress(group)).items()}

    async def progress(self, group: str) -> dict[TopicPartition, Progress]:
        """These, and what it has noted as finished behind them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return {partition: Progress(*found) for partition, found in offsets.items()}
