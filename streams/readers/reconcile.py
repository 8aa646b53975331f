"""A second pair of eyes, without Faust: what the workers passed without an outcome is put on the log again."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.headers import again, origin, since
from streams.kafka import EventWriter
from streams.metrics import declared
from streams.metrics.registry import Metrics
from streams.readers.group import committed_offsets
from streams.readers.identity import ask_of, headers_of, place_of
from streams.readers.ledger import Answer, Ledger, Open
from streams.readers.replay import Range, Replay, ReplayError, open_replay, when
from streams.readers.tail import event_of
from streams.routes import request_topics
from streams.settings import Settings
from streams.topics import Topics, TopicsError

GRACE_SECONDS = 300.0
INTERVAL_SECONDS = 30.0
LOOKBACK_SECONDS = 3600.0
OUTCOME_TOPICS = ("completed", "failed")

log = structlog.get_logger(__name__)


class Reconciler:
    """Compares requests, the group's committed offsets, and outcomes. `brought_back`: how many requests so far.

    A request is lost if the group has passed it for longer than `grace` seconds, it has no outcome, and no copy of it
    waits in what the group has not passed. Bringing back one that was not lost does no harm: its result is found.
    """

    def __init__(
        self,
        settings: Settings,
        writer: EventWriter,
        metrics: Metrics,
        *,
        grace: float = GRACE_SECONDS,
        lookback: float = LOOKBACK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lookback`: how far into the past it begins, in seconds."""
        topics = Topics(settings)
        self.brought_back = 0
        self._settings = settings
        self._writer = writer
        self._metrics = metrics
        metrics.count(declared.BROUGHT_BACK, 0)
        self._grace = grace
        self._lookback = lookback
        self._clock = clock
        self._shorts = {topics[short].name: short for short in (*request_topics(settings), *OUTCOME_TOPICS)}
        self._requests = [topics[short].name for short in request_topics(settings)]
        self._outcomes = [topics[short].name for short in OUTCOME_TOPICS]
        self._next: dict[TopicPartition, int] = {}
        self._ledger = Ledger()

    async def run(self, interval: float = INTERVAL_SECONDS) -> None:
        """Look again and again, until cancelled; a broker that is away is waited for."""
        while True:
            try:
                await self.once()
            except (KafkaError, ReplayError, TopicsError) as error:
                log.warning("requests could not be compared with their outcomes", error=str(error))
                self._metrics.count(declared.LOOKS, result="failed")
            else:
                self._metrics.count(declared.LOOKS, result="ok")
                self._metrics.set(declared.LAST_LOOK, time.time())
            await asyncio.sleep(interval)

    async def once(self) -> int:
        """Read on, and bring back what is lost; returns how many. Raises KafkaError, TopicsError, ReplayError."""
        committed = await committed_offsets(self._settings)
        async with open_replay(self._settings, list(self._shorts)) as reader:
            await self._advance(reader, committed)
            lost = {entry.ask.source: entry for entry in self._ledger.lost(self._clock(), self._grace)}
            if not lost:
                return 0
            for source in await self._on_their_way(reader, committed, lost):
                lost.pop(source).passed = self._clock()
            for entry in lost.values():
                await self._bring_back(reader, entry)
        return len(lost)

    async def _advance(self, reader: Replay, committed: Mapping[TopicPartition, int]) -> None:
        """Read requests up to where the group is, then outcomes up to their end."""
        began = datetime.fromtimestamp(time.time() - self._lookback, UTC)
        await reader.window(self._shorts, None if self._next else began)
        for pair, span in reader.ranges.items():
            span.start = max(span.first, self._next.get(pair, span.start))
            if pair.topic in self._requests:
                span.end = min(span.end, committed.get(pair, 0))
            span.end = max(span.start, span.end)
        async for records in reader.batches(self._requests):
            for record in records:
                self._ledger.passed(self._open(record))
        async for records in reader.batches(self._outcomes):
            for record in records:
                self._answered(record)
        self._next = {pair: span.end for pair, span in reader.ranges.items()}

    def _open(self, record: ConsumerRecord) -> Open:
        ask = ask_of(record, self._settings)
        return Open(ask, record.topic, record.partition, record.offset, record.timestamp / 1000, self._clock())

    def _answered(self, record: ConsumerRecord) -> None:
        event = event_of(record)
        if event and isinstance(event.get("file_id"), str):
            names = ("code", "source", "text_sha256")
            told = {name: event[name] for name in names if isinstance(event.get(name), str)}
            content = event.get("content_sha256")
            self._ledger.answered(Answer(event["file_id"], record.timestamp / 1000, content=content, **told))

    async def _on_their_way(
        self, reader: Replay, committed: Mapping[TopicPartition, int], lost: Iterable[str]
    ) -> set[str]:
        """Those of which a copy (tried again, moved, brought back) waits in what the group has not passed."""
        await reader.window(self._requests)
        for pair, span in reader.ranges.items():
            span.start = min(span.end, max(span.first, committed.get(pair, 0)))
        wanted, found = set(lost), set()
        async for records in reader.batches(self._requests):
            found |= wanted.intersection(origin(headers_of(record), place_of(record)) for record in records)
        return found

    async def _bring_back(self, reader: Replay, entry: Open) -> None:
        pair = TopicPartition(entry.topic, entry.partition)
        reader.ranges = {pair: Range(entry.offset, entry.offset + 1, 0)}
        async for records in reader.batches([entry.topic]):
            for record in records:
                headers = again(
                    [(name, value or b"") for name, value in record.headers],
                    entry.ask.source,
                    entry.ask.attempt,
                    since(headers_of(record), when(record)),
                )
                # A retry's time has come by now.
                short = self._shorts[entry.topic].removesuffix(".retry")
                await self._writer.write(short, record.key, record.value, headers)
                self.brought_back += 1
                self._metrics.count(declared.BROUGHT_BACK)
                log.warning(
                    "a request that was passed without an outcome is brought back",
                    request_id=entry.ask.request_id,
                    tenant=entry.ask.tenant,
                    place=entry.ask.place,
                )
        self._ledger.forget(entry.ask.source)
