"""One tail of outcomes for all who wait: a call that waits costs an entry in a table, and no consumer."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.gateway.event_ids import TOPICS
from streams.gateway.feed import Feed
from streams.readers.tail import event_of, records, tail
from streams.settings import Settings
from streams.topics import Topics

HEARD = (*TOPICS, "retained")
"""What is heard: all that streams of events have, and what only calls wait for."""

PAUSE_SECONDS = 1.0
LOOK_SECONDS = 0.02

Event = dict[str, Any]
Wanted = Callable[[Event], bool]
log = structlog.get_logger(__name__)


def _any(_: Event) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    future: "asyncio.Future[Event]"
    wanted: Wanted


class Waits:
    """Follows outcomes, deletions and changed expiries from now on, and progress while somebody waits for some.

    `feed`: streams of events, which hear it too. `heard`: called with topic and event for each one. `missed`: called
    when some may not have been heard.
    """

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings = settings
        self._names = {short: topics[short].name for short in HEARD}
        self._waiting: defaultdict[tuple[str, str], list[_Waiter]] = defaultdict(list)
        self._topics: Counter[str] = Counter()
        self._calls = 0
        self._consumer: AIOKafkaConsumer | None = None
        self.feed = Feed()
        self.heard: list[Callable[[str, Event], None]] = []
        self.missed: list[Callable[[], None]] = []

    def __len__(self) -> int:
        """How many calls wait for an outcome, a deletion or a changed expiry."""
        return self._calls

    @property
    def listening(self) -> bool:
        """Whether outcomes are heard now."""
        return self._consumer is not None

    @asynccontextmanager
    async def following(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Within the block, outcomes are heard; the task that it yields ends only by an error that does not pass.

        Raises TopicsError, KafkaConnectionError at its beginning.
        """
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._follow(begun))
        try:
            await asyncio.wait({begun, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @contextmanager
    def waiting(self, file_id: str, *topics: str, wanted: Wanted = _any) -> Iterator[asyncio.Future[Event]]:
        """The next wanted event about a file on one of these topics; enter before you ask for it to happen."""
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        waiter, places = _Waiter(future, wanted), [(topic, file_id) for topic in topics]
        calls = int("progress" not in topics)  # who waits for some waits for the outcome too
        for place in places:
            self._waiting[place].append(waiter)
        self._topics.update(topics)
        self._calls += calls
        try:
            yield future
        finally:
            self._calls -= calls
            self._topics.subtract(topics)
            for place in places:
                self._waiting[place].remove(waiter)
                if not self._waiting[place]:
                    del self._waiting[place]
            future.cancel()

    async def caught_up(self, short: str) -> None:
        """Return when all that a topic has now was heard."""
        if self._consumer is None:
            return
        consumer, name = self._consumer, self._names[short]
        ends = await consumer.end_offsets([pair for pair in consumer.assignment() if pair.topic == name])
        for pair, end in ends.items():
            while consumer is self._consumer and await consumer.position(pair) < end:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)  # the consumer has no event for it

    def hear(self, short: str, event: Event) -> None:
        """An event, as it comes."""
        for told in self.heard:
            told(short, event)
        for waiter in self._waiting.get((short, str(event.get("file_id"))), ()):
            if not waiter.future.done() and waiter.wanted(event):
                waiter.future.set_result(event)

    async def _follow(self, begun: "asyncio.Future[None]") -> None:
        shorts = {name: short for short, name in self._names.items()}
        while True:
            try:
                async with tail(self._settings, list(shorts)) as self._consumer:
                    for forget in self.missed:
                        forget()
                    places = {pair: await self._consumer.position(pair) for pair in self._consumer.assignment()}
                    self.feed.begin({(shorts[pair.topic], pair.partition): at for pair, at in places.items()})
                    if not begun.done():
                        begun.set_result(None)
                    async for record in records(self._consumer):
                        short = shorts[record.topic]
                        self.feed.passed(short, record.partition, record.offset)
                        if short == "progress" and not self._topics[short] and not self.feed:
                            continue  # there are many, and mostly nobody listens
                        if event := event_of(record):
                            self.hear(short, event)
                            if short in TOPICS:
                                self.feed.tell(short, record.partition, record.offset, event)
            except KafkaError as error:
                if not begun.done():
                    raise
                # What is said meanwhile is missed here; who waits looks into the store before giving up.
                log.warning("outcomes are not heard; trying again", error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._consumer = None
