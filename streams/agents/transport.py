"""Faust's transport, corrected where it would lose records or read ahead without a bound.

Written against faust-streaming 0.15.3 and aiokafka 0.14.0; every override says what would happen without it.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import structlog
from aiokafka import TopicPartition
from faust.transport.drivers import aiokafka as driver

from streams.window import Partition, Window

log = structlog.get_logger(__name__)


class ReadAhead:
    """Bytes that were read and not yet taken up; above the limit partitions are paused.

    Faust bounds the count of records it buffers, not their bytes: 700 texts of 1 MB would take 700 MB.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._paused: set[Any] = set()

    def add(self, consumer: Any, size: int) -> None:
        """A record was read."""
        self.bytes += size
        if self.bytes >= self.limit:
            for partition in list(consumer._active_partitions or ()):
                consumer.on_buffer_full(partition)
                self._paused.add(partition)

    def take(self, consumer: Any, size: int) -> None:
        """A record was taken up."""
        self.bytes -= size
        if self._paused and self.bytes < self.limit / 2:
            for partition in self._paused:
                consumer.on_buffer_drop(partition)
            self._paused.clear()

    def reset(self) -> None:
        """Partitions were revoked, and Faust threw its buffers away."""
        self.bytes = 0
        self._paused.clear()


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Lets a commit pass that comes when a rebalance has taken all of its partitions: Faust would crash over it."""

    logger = logging.getLogger("faust.consumer")

    @property
    def refusal(self) -> Exception | None:
        """Why the group did not let this worker in again; aiokafka waits for somebody to ask, and Faust never does."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        return getattr(coordinator, "_pending_exception", None)

    async def on_thread_stop(self) -> None:
        """Leave in the middle of a rebalance too.

        aiokafka would wait for its end, which takes as long as the slowest member of the group, or a minute.
        """
        joining = getattr(getattr(self._consumer, "_coordinator", None), "_coordination_task", None)
        if joining is not None:
            joining.cancel()
            await asyncio.wait({joining})
        await super().on_thread_stop()

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        assigned = self.assignment()
        return bool(any(tp in assigned for tp in offsets) and await super()._commit(offsets))


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Stamps records with the window's epoch and never skips what it seeks back over."""

    logger = logging.getLogger("faust.consumer")

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: Any, record: Any) -> Any:
        message = super()._to_message(tp, record)
        message.epoch = self.app.window.epoch
        message.size = len(record.value or b"") + len(record.key or b"")
        self.app.read_ahead.add(self, message.size)
        return message

    async def seek_to_committed(self) -> Any:
        """Seek where nothing is committed too.

        Faust throws away what a fetch returned while the flow was stopped and seeks back to the committed offset, but
        aiokafka seeks only where that is above 0: in a new group those records would be skipped.
        """
        offsets = await super().seek_to_committed()
        uncommitted = [tp for tp, offset in offsets.items() if offset is None or offset <= 0]
        if uncommitted:
            assigned = self.assignment()
            for tp, start in (await self.earliest_offsets(*uncommitted)).items():
                pair = driver.TP(tp.topic, tp.partition)
                if pair in assigned:
                    await self._seek(pair, start)
        return offsets

    async def broker_committed(self, partition: Partition) -> int | None:
        """The committed offset as the broker has it; Faust's own note is moved even by a refused commit."""
        pair = TopicPartition(*partition)
        coordinator = self._thread._ensure_consumer()._coordinator
        answer = await self._thread.call_thread(coordinator.fetch_committed_offsets, [pair])
        return int(answer[pair].offset) if pair in answer else None

    def generation(self) -> int:
        """Of the group membership as the coordinator has it; Faust's own number follows it late."""
        return int(self._thread._ensure_consumer()._coordinator.generation)

    async def log_start(self, partition: Partition) -> int:
        """The first offset that the log still has."""
        answer = await self.earliest_offsets(driver.TP(*partition))
        return int(next(iter(answer.values())))

    async def commit_window(self, window: Window) -> bool:
        """Commit the finished prefixes. False: a rebalance was under way, and the records will come again."""
        epoch, offsets = window.epoch, window.to_commit()
        if not offsets or self.app.rebalancing:
            return True
        pairs: Mapping[Any, int] = {driver.TP(*p): end for p, end in offsets.items()}
        if not await self._thread.commit(pairs):
            log.warning("commit refused", offsets={f"{p.topic}-{p.partition}": end for p, end in offsets.items()})
            return False
        window.committed(offsets, epoch)
        self._committed_offset.update(pairs)
        return True


class Transport(driver.Transport):  # type: ignore[misc]
    """aiokafka with the consumer above."""

    Consumer = Consumer
