"""The log between two times, or two offsets, read once and to its end: no consumer group, nothing committed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.kafka import client_options, disconnect
from streams.readers.tail import keep_partitions, start
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES

WAIT_MS = 1000
LOST_SECONDS = 60.0

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class ReplayError(Exception):
    """The log stopped delivering; the message says where."""


def moment(text: str, now: datetime | None = None) -> datetime:
    """`2025-01-03T10:00:00Z` (UTC where no zone is given), or how long ago: `90s`, `2h`, `7d`. Raises ValueError."""
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    try:
        if ago:
            return (now or datetime.now(UTC)) - timedelta(seconds=float(ago[1]) * _UNITS[ago[2]])
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; give 2025-01-03T10:00:00Z, or how long ago: 90s, 30m, 2h, 7d") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def when(record: ConsumerRecord) -> datetime:
    """When the broker appended a record."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


@dataclass(slots=True)
class Range:
    """Offsets of one partition, from `start` up to but not including `end`. `first`: the first one in the log."""

    start: int
    end: int
    first: int


@dataclass
class Replay:
    """Topics that can be read between offsets; made by `open_replay`. `ranges`: what was looked up so far."""

    consumer: AIOKafkaConsumer
    ranges: dict[TopicPartition, Range] = field(default_factory=dict)

    async def window(self, topics: Iterable[str], since: datetime | None = None, until: datetime | None = None) -> int:
        """Look up what these topics have between two times now, without their `until`; returns how many offsets.

        What is written after this call is not read: a replay ends.
        """
        pairs = [pair for topic in topics for pair in self._partitions(topic)]
        firsts = await self.consumer.beginning_offsets(pairs)
        ends = await self.consumer.end_offsets(pairs)
        starts = firsts | await self._at(since, pairs, ends)
        lasts = await self._at(until, pairs, ends) or ends
        for pair in pairs:
            start = max(starts[pair], firsts[pair])
            self.ranges[pair] = Range(start, max(start, min(lasts[pair], ends[pair])), firsts[pair])
        return sum(self.ranges[pair].end - self.ranges[pair].start for pair in pairs)

    async def batches(
        self, topics: Iterable[str], seen: Callable[[int], object] | None = None
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """All records of the topics' ranges, some at a time, each partition in its order, none held afterwards.

        `seen` is told how many offsets are behind. Raises ReplayError when the broker delivers nothing for a minute.
        """
        wanted = set(topics)
        left = {p: r for p, r in self.ranges.items() if p.topic in wanted and r.start < r.end}
        others = [pair for pair in self.consumer.assignment() if pair not in left]
        self.consumer.pause(*others)
        for pair, span in left.items():
            self.consumer.seek(pair, span.start)
        self.consumer.resume(*left)
        idle = 0.0
        while left:
            found = await self.consumer.getmany(*left, timeout_ms=WAIT_MS)
            idle = 0.0 if found else idle + WAIT_MS / 1000
            if idle >= LOST_SECONDS:
                raise ReplayError(
                    f"nothing came for {idle:g} s from {', '.join(f'{p.topic}-{p.partition}' for p in left)}"
                )
            for pair, records in found.items():
                end = left[pair].end
                kept = records if records[-1].offset < end else [r for r in records if r.offset < end]
                if kept:
                    yield kept
                if seen:
                    seen(len(kept))
            # A transaction's marker takes an offset and is no record: positions tell the end, not records.
            for pair in [p for p in left if await self.consumer.position(p) >= left[p].end]:
                self.consumer.pause(pair)
                del left[pair]

    async def into(
        self,
        topics: Iterable[str],
        take: Callable[[list[ConsumerRecord]], object],
        seen: Callable[[int], object] | None = None,
    ) -> None:
        """Give every batch of `batches` to `take`, in a thread, while the next one comes over the network."""
        taking: asyncio.Future[object] = asyncio.ensure_future(asyncio.sleep(0))
        try:
            async for records in self.batches(topics, seen):
                await taking
                taking = asyncio.ensure_future(asyncio.to_thread(take, records))
        finally:
            await taking

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [pair for pair in self.consumer.assignment() if pair.topic == topic]

    async def _at(
        self, time: datetime | None, pairs: Sequence[TopicPartition], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The first offset at or after a time; the end where all is before it; nothing without a time."""
        if time is None:
            return {}
        stamp = max(0, int(time.timestamp() * 1000))
        found = await self.consumer.offsets_for_times(dict.fromkeys(pairs, stamp))
        return {pair: found[pair].offset if found.get(pair) else ends[pair] for pair in pairs}


Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is behind, and of how much."""


def counted(what: str, total: int, progress: Progress) -> Callable[[int], None]:
    """Adds up what is behind, for `seen` of a reader."""
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        progress(what, done, total)

    return seen


@asynccontextmanager
async def open_replay(settings: Settings, topics: Sequence[str], **options: Any) -> AsyncIterator[Replay]:
    """A reader of these topics. Raises TopicsError if one is missing, KafkaConnectionError where no broker answers."""
    consumer = AIOKafkaConsumer(
        *topics,  # partitions that are assigned by hand have no metadata until much later, and read nothing
        **client_options(settings),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
        fetch_max_bytes=16 * MAX_MESSAGE_BYTES,
        max_poll_records=2000,
        **options,
    )
    try:
        await start(consumer, settings, topics)
        keep_partitions(consumer)
        consumer.pause(*consumer.assignment())
        yield Replay(consumer)
    finally:
        await disconnect(consumer.stop())


async def replay(
    settings: Settings, topics: Sequence[str], since: datetime | None = None, until: datetime | None = None
) -> AsyncIterator[ConsumerRecord]:
    """Each record of these topics between two times, partition by partition in its order."""
    async with open_replay(settings, topics) as reader:
        await reader.window(topics, since, until)
        async for records in reader.batches(topics):
            for record in records:
                yield record
