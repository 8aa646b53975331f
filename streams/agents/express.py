"""Short requests that lie behind a backlog are carried past it.

A partition is a queue: what a worker has not read yet it cannot prefer. So while many records of its partitions lie
before it, each worker reads on with a second consumer, without a group, and copies what is short, may not wait, and is
of a tenant that asks for little to the lane of retries, which is read beside. The original is answered when its turn
comes: the two are one request, and have one result.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.headers import again, attempt, origin, since
from streams.kafka import EventWriter
from streams.metrics import declared
from streams.metrics.worker import WorkerMetrics
from streams.readers.identity import headers_of, place_of
from streams.readers.replay import when
from streams.readers.tail import event_of, tail
from streams.requests import DEFAULT_TENANT
from streams.routes import in_pool
from streams.settings import Settings
from streams.topics import Topics, TopicsError

LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.02
AT_ONCE = 500
BACKLOG = 256
"""Records of all partitions: with more than so many before it, a sentence may wait."""
NEAR = 64
"""Until no more than so many are left, a backlog is followed."""
NEWEST = 256
SHORT_BYTES = 4096
MOST_TENANTS = 10_000
MOST_PLACES = 100_000
END = 1 << 62

log = structlog.get_logger(__name__)

Behind = Callable[[str], Mapping[int, range]]


@dataclass(slots=True)
class Turns:
    """A token bucket: so many at once, and so many a second after that."""

    most: float = 16.0
    per_second: float = 2.0
    left: float = 16.0
    looked: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed."""
        self.left = min(self.most, self.left + (now - self.looked) * self.per_second)
        self.looked = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Reading:
    """Reads a part of each of some partitions once; what is no part any more is left.

    `ends`: of each partition, what comes after the last record that was read.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.ends: dict[int, int] = {}
        self._consumer = consumer
        self._parts: dict[TopicPartition, range] = {}
        consumer.pause(*consumer.assignment())

    def follow(self, parts: Mapping[int, range]) -> None:
        """Read these offsets of these partitions. A part keeps the bounds with which it was first named."""
        for pair in self._consumer.assignment():
            if pair.partition not in parts:
                self._parts.pop(pair, None)
                self._consumer.pause(pair)
            elif pair not in self._parts:
                self._parts[pair] = parts[pair.partition]
                self._consumer.seek(pair, parts[pair.partition].start)
                self._consumer.resume(pair)

    async def read(self) -> list[list[ConsumerRecord]]:
        """Records that have come, of a partition each; none when there are none yet. Raises KafkaError."""
        found = []
        for pair, records in (await self._consumer.getmany(timeout_ms=0, max_records=AT_ONCE)).items():
            end, self.ends[pair.partition] = self._parts[pair].stop, records[-1].offset + 1
            if records[-1].offset + 1 >= end:
                self._consumer.pause(pair)
            found.append([record for record in records if record.offset < end])
        return [records for records in found if records]


class Express:
    """Carries requests past a backlog. `behind`: by partition of a topic the offsets that were not taken up, as far as
    the worker knows. `carried`: how many were.
    """

    def __init__(
        self,
        settings: Settings,
        writer: EventWriter,
        behind: Behind,
        metrics: WorkerMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.carried = 0
        self._settings = settings
        self._writer = writer
        self._topic = Topics(settings)[in_pool("requests", settings.pool)].name
        self._lane = in_pool("requests.retry", settings.pool)
        self._behind = behind
        self._metrics = metrics
        self._clock = clock
        self._turns: dict[str, Turns] = {}
        self._places: set[tuple[int, int]] = set()  # of what was carried

    async def run(self) -> None:
        """Look for a backlog for as long as the worker lives; a broker that does not answer is no reason to end."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if _records(self._behind(self._topic)) > BACKLOG:
                    await self._follow()
            except (KafkaError, TopicsError) as error:
                log.warning("what lies behind a backlog is not seen now", error=str(error))

    async def _follow(self) -> None:
        """What has come last, and what comes, is read first: it would wait the longest. The rest is read beside it."""
        before = self.carried
        topics = [self._topic]
        async with AsyncExitStack() as stack:
            tails = [stack.enter_async_context(tail(self._settings, topics)) for _ in range(2)]
            newest, rest = map(Reading, await asyncio.gather(*tails))
            while _records(behind := self._known(newest.ends)) > NEAR:
                if len(self._places) > MOST_PLACES:  # some may be carried again then, which does no harm
                    self._places.clear()
                last = {number: max(left.start, left.stop - NEWEST) for number, left in behind.items()}
                rest.follow({n: range(left.start, last[n]) for n, left in behind.items() if left.start < last[n]})
                newest.follow({number: range(first, END) for number, first in last.items()})
                found = [*await newest.read(), *await rest.read()]
                for records in found:
                    await self.carry(records)
                if not found:
                    await asyncio.sleep(PAUSE_SECONDS)
        log.info("a backlog was read ahead", carried=self.carried - before)

    def _known(self, ends: Mapping[int, int]) -> dict[int, range]:
        """What lies before the worker, which fetches no more than it needs: others know first where the log ends."""
        behind = self._behind(self._topic)
        return {n: range(left.start, max(left.stop, ends.get(n, 0))) for n, left in behind.items()}

    async def carry(self, records: Iterable[ConsumerRecord]) -> None:
        """Copy those of these records that are to go before others."""
        await asyncio.gather(*[self._copy(record) for record in records if self._goes_before(record)])

    async def _copy(self, record: ConsumerRecord) -> None:
        headers = headers_of(record)
        named = again(record.headers, origin(headers, place_of(record)), 1, since(headers, when(record)))
        await self._writer.write(self._lane, record.key, record.value, named)
        self._places.add(_place(record))
        self.carried += 1
        self._metrics.count(declared.MOVED, to="express")

    def _goes_before(self, record: ConsumerRecord) -> bool:
        if _place(record) in self._places or attempt(headers_of(record)) > 1 or len(record.value or b"") > SHORT_BYTES:
            return False
        fields = event_of(record)
        if fields is None or fields.get("priority") == "bulk":  # what is no request is refused in its turn
            return False
        if len(self._turns) > MOST_TENANTS:
            self._turns.clear()
        turns = self._turns.setdefault(str(fields.get("tenant") or DEFAULT_TENANT), Turns(looked=self._clock()))
        return turns.take(self._clock())


def _records(parts: Mapping[int, range]) -> int:
    return sum(map(len, parts.values()))


def _place(record: ConsumerRecord) -> tuple[int, int]:
    return record.partition, record.offset
