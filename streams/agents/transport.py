"""Faust's transport, corrected where it would lose records or read ahead without a bound.

Written against faust-streaming 0.15.3 and aiokafka 0.14.0; every override says what would happen without it.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from faust.transport.drivers import aiokafka as driver

from streams.kafka import commit
from streams.metrics import declared
from streams.window import Partition, Progress, Window

PAUSED_SECONDS = 0.1
FETCH_MS = 200

log = structlog.get_logger(__name__)


class ReadAhead:
    """What was read and is not yet taken up, by topic; above either limit the topic's partitions are paused.

    Faust bounds the count of records it buffers, not their bytes: 700 texts of 1 MB would take 700 MB. And with a
    record that finds its topic's buffer full it waits, and all other topics wait with it: a backlog of what may wait
    would hold up everybody else. So its buffers have no end here, and partitions are paused in time.
    """

    def __init__(self, most_bytes: int, most_records: int) -> None:
        self._most_bytes, self._most_records = most_bytes, most_records
        self._topics: defaultdict[str, _Ahead] = defaultdict(_Ahead)
        self._era = 0

    @property
    def pausing(self) -> bool:
        """Whether any partition is paused. Safe to call from any thread."""
        return any(ahead.paused for ahead in list(self._topics.values()))

    def bytes(self, topic: str) -> int:
        """Of a topic's records that were read and not taken up."""
        return self._topics[topic].bytes if topic in self._topics else 0

    def add(self, consumer: Any, message: Any) -> None:
        """A record was read."""
        message.era = self._era
        ahead = self._topics[message.topic]
        ahead.records += 1
        ahead.bytes += message.size
        if ahead.records >= self._most_records or ahead.bytes >= self._most_bytes:
            for partition in [tp for tp in consumer._active_partitions or () if tp.topic == message.topic]:
                consumer.on_buffer_full(partition)
                ahead.paused.append(partition)

    def take(self, consumer: Any, message: Any) -> None:
        """A record was taken up."""
        if message.era != self._era:
            return
        ahead = self._topics[message.topic]
        ahead.records -= 1
        ahead.bytes -= message.size
        if ahead.records <= self._most_records / 2 and ahead.bytes <= self._most_bytes / 2:
            while ahead.paused:
                consumer.on_buffer_drop(ahead.paused.pop())

    def reset(self) -> None:
        """Partitions were revoked, and Faust threw its buffers away."""
        self._topics.clear()
        self._era += 1


@dataclass(slots=True)
class _Ahead:
    records: int = 0
    bytes: int = 0
    paused: list[Any] = field(default_factory=list)


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads partitions in turns, commits with metadata, and lets a commit pass that comes too late."""

    logger = logging.getLogger("faust.consumer")

    @property
    def refusal(self) -> Exception | None:
        """Why the group did not let this worker in again; aiokafka waits for somebody to ask, and Faust never does."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        return getattr(coordinator, "_pending_exception", None)

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Let a fetch wait for news for a moment only, not 1.5 s.

        What was paused when it began is not in it, and a broker has one at a time: after a backlog, all stood still.
        """
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MS
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave in the middle of a rebalance too.

        aiokafka would wait for its end, which takes as long as the slowest member of the group, or a minute.
        """
        joining = getattr(getattr(self._consumer, "_coordinator", None), "_coordination_task", None)
        if joining is not None:
            joining.cancel()
            await asyncio.wait({joining})
        await super().on_thread_stop()

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - as Faust has it
        """Look again soon while partitions are paused.

        What was fetched of them lies there already, so that no news would end the wait when they go on.
        """
        pausing = self.consumer.app.read_ahead.pausing
        return await super().getmany(active_partitions, min(timeout, PAUSED_SECONDS) if pausing else timeout)

    async def _fetch_records(self, consumer: Any, *arguments: Any, **options: Any) -> Any:
        """Let the others go first next time: aiokafka serves one alone until what it fetched of it is gone.

        What is urgent does not wait for its turn either: with a backlog in each partition that would be long.
        """
        fetched = consumer._fetcher._records
        for partition in [pair for pair in fetched if pair.topic in self.consumer.app.urgent]:
            fetched.move_to_end(partition, last=False)
        records = await super()._fetch_records(consumer, *arguments, **options)
        for partition in records:
            if partition in fetched:
                fetched.move_to_end(partition)
        return records

    async def seek_back(self, starts: Mapping[Any, int]) -> None:
        """Seek on the loop that reads; Faust's `seek` is not on it, and took records from under a fetch's hands."""
        await self.call_thread(self._seek_back, starts)

    async def _seek_back(self, starts: Mapping[Any, int]) -> None:
        assigned = self._consumer.assignment()
        for pair in starts.keys() & assigned:
            self._consumer.seek(pair, starts[pair])

    async def _commit(self, offsets: Mapping[Any, Progress]) -> bool:
        """Commit what is still ours, with its metadata.

        Faust writes none, and crashes when a rebalance has taken all of these partitions.
        """
        assigned = self._consumer.assignment()
        ours = {pair: progress for pair, progress in offsets.items() if pair in assigned}
        self.tp_last_committed_at.update(dict.fromkeys(ours, time.monotonic()))
        try:
            if ours:
                await commit(self._consumer, ours)
        except CommitFailedError:
            return False
        except Exception as error:
            self.log.exception("cannot commit: %r", error)
            await self.crash(error)
            return False
        return bool(ours)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Stamps records with the window's epoch and never skips what it seeks back over."""

    logger = logging.getLogger("faust.consumer")

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: Any, record: Any) -> Any:
        message = super()._to_message(tp, record)
        message.epoch = self.app.window.epoch
        message.size = len(record.value or b"") + len(record.key or b"")
        self.app.read_ahead.add(self, message)
        return message

    async def wait_first(self, *waited: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - as Faust has it
        """Hand a record over at once, where Faust makes four tasks of it and waits for turns of the loop.

        It looks out for its flow being stopped meanwhile, which cannot be, as buffers have no end. With the turns of a
        busy worker a batch took seconds, and what is urgent waited behind it.
        """
        if len(waited) == 1 or not self.flow_active:
            return await super().wait_first(*waited, timeout=timeout)
        handing, suspended = waited
        suspended.close()
        return await handing

    async def seek_to_committed(self) -> Any:
        """Seek where nothing is committed too.

        Faust throws away what a fetch returned while the flow was stopped and seeks back to the committed offset, but
        aiokafka seeks only where that is above 0: in a new group those records would be skipped.
        """
        offsets = await super().seek_to_committed()
        uncommitted = [tp for tp, offset in offsets.items() if offset is None or offset <= 0]
        if uncommitted:
            await self._thread.seek_back(await self.earliest_offsets(*uncommitted))
        return offsets

    async def broker_committed(self, partition: Partition) -> Progress | None:
        """What the broker has as committed; Faust's own note is moved even by a refused commit."""
        pair = TopicPartition(*partition)
        coordinator = self._thread._ensure_consumer()._coordinator
        answer = await self._thread.call_thread(coordinator.fetch_committed_offsets, [pair])
        return Progress(*answer[pair]) if pair in answer else None

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
        if not await self._thread.commit({TopicPartition(*place): progress for place, progress in offsets.items()}):
            self.app.metrics.count(declared.COMMITS_REFUSED)
            ends = {f"{place.topic}-{place.partition}": progress.offset for place, progress in offsets.items()}
            log.warning("commit refused", offsets=ends)
            return False
        window.committed(offsets, epoch)
        self._committed_offset.update({driver.TP(*place): progress.offset for place, progress in offsets.items()})
        return True


class Transport(driver.Transport):  # type: ignore[misc]
    """aiokafka with the consumer above."""

    Consumer = Consumer
