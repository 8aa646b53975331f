"""Where a consumer of a group reads on, if that is kept in the index and not by the broker."""

from collections.abc import Iterable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError

from storage.index import Index, Read
from streams.whole import in_thread

log = structlog.get_logger(__name__)

Found = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class Places(ConsumerRebalanceListener):  # type: ignore[misc]
    """The next offset of each partition that was assigned and sought; what comes of others is not taken.

    All methods raise KafkaError and IndexTrouble.
    """

    def __init__(self, consumer: AIOKafkaConsumer, index: Index) -> None:
        self._consumer = consumer
        self._index = index
        self._next: dict[TopicPartition, int] = {}

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others may have them soon."""
        self._next.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The consumer stands where the broker says, which knows nothing."""
        self._next.clear()

    def lost(self) -> None:
        """The index does not stand where we thought: look again."""
        self._next.clear()

    async def settle(self) -> None:
        """Let the consumer stand where the index does, in all partitions that it was given since the last call."""
        new = [pair for pair in self._consumer.assignment() if pair not in self._next]
        if not new:
            return
        known = await in_thread(self._index.offsets)
        firsts = await self._consumer.beginning_offsets(new)
        ends = await self._consumer.end_offsets(new)
        starts = {pair: _start(pair, known.get((pair.topic, pair.partition)), firsts[pair], ends[pair]) for pair in new}
        moved = {(p.topic, p.partition): n for p, n in starts.items() if n != known.get((p.topic, p.partition))}
        if moved:
            await in_thread(self._index.begin, moved)
        for pair, start in starts.items():
            try:
                self._consumer.seek(pair, start)
            except IllegalStateError:  # it was taken away meanwhile
                continue
            self._next[pair] = start

    async def expected(self, found: Found) -> dict[TopicPartition, Sequence[ConsumerRecord]]:
        """Of what the consumer gave, what follows what was passed; what is missing in between is told."""
        taken: dict[TopicPartition, Sequence[ConsumerRecord]] = {}
        for pair, records in found.items():
            following = [record for record in records if record.offset >= self._next.get(pair, record.offset + 1)]
            if following:
                taken[pair] = following
        for pair, records in taken.items():
            if records[0].offset > self._next.get(pair, records[0].offset):
                first = (await self._consumer.beginning_offsets([pair]))[pair]
                _tell_gap(pair, self._next.get(pair, first), first)
        return {pair: records for pair, records in taken.items() if pair in self._next}

    def reads(self, found: Found) -> list[Read]:
        """What it means for the index that these were taken in."""
        return [
            Read(pair.topic, pair.partition, self._next[pair], records[-1].offset + 1)
            for pair, records in found.items()
        ]

    async def markers(self) -> list[Read]:
        """Offsets that the consumer is past without a record, such as a transaction's end."""
        past: dict[TopicPartition, int] = {}
        for pair, after in list(self._next.items()):
            try:
                position = await self._consumer.position(pair)
            except IllegalStateError:  # it was taken away meanwhile
                continue
            if position > after:
                past[pair] = position
        firsts = await self._consumer.beginning_offsets(list(past)) if past else {}
        for pair, first in firsts.items():
            _tell_gap(pair, self._next.get(pair, first), first)
        return [Read(p.topic, p.partition, self._next[p], n) for p, n in past.items() if p in self._next]

    def passed(self, reads: Iterable[Read]) -> None:
        """These were taken in."""
        for read in reads:
            pair = TopicPartition(read.topic, read.partition)
            if pair in self._next:
                self._next[pair] = max(self._next[pair], read.next)

    async def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether all before these offsets was taken in, by whomever."""
        left = {pair: end for pair, end in ends.items() if self._next.get(pair, -1) < end}
        if any(pair in self._next for pair in left):
            return False
        known = await in_thread(self._index.offsets) if left else {}
        return all(known.get((pair.topic, pair.partition), -1) >= end for pair, end in left.items())


def _start(pair: TopicPartition, known: int | None, first: int, end: int) -> int:
    if known is None:
        if first:
            log.info("the log begins after its first record", partition=_shown(pair), removed=first)
        return first
    if known > end:
        log.error("the log ends before where the index stands, and is read anew", partition=_shown(pair), stood=known)
        return first
    _tell_gap(pair, known, first)
    return max(known, first)


def _tell_gap(pair: TopicPartition, expected: int, first: int) -> None:
    """Offsets without a record are no gap while the log still begins before them: transactions leave such."""
    if first > expected:
        log.error(
            "records were removed by retention before the index had them",
            partition=_shown(pair),
            records=first - expected,
        )


def _shown(pair: TopicPartition) -> str:
    return f"{pair.topic}-{pair.partition}"
