"""One tail of outcomes for all who wait: a call that waits costs an entry in a table, and no consumer."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from streams.readers.tail import event_of, tail
from streams.settings import Settings
from streams.topics import Topics

TOLD = ("completed", "failed", "deleted")
PAUSE_SECONDS = 1.0

Event = dict[str, Any]
log = structlog.get_logger(__name__)


class Waits:
    """Follows outcomes and deletions from now on. `heard`: called with topic and event for each one."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings = settings
        self._shorts = {topics[short].name: short for short in TOLD}
        self._waiting: defaultdict[tuple[str, str], set[asyncio.Future[Event]]] = defaultdict(set)
        self.heard: list[Callable[[str, Event], None]] = []

    def __len__(self) -> int:
        return len({id(future) for futures in self._waiting.values() for future in futures})

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Within the block, outcomes are heard. Raises TopicsError, KafkaConnectionError at its beginning."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._follow(begun))
        try:
            await asyncio.wait({begun, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @contextmanager
    def waiting(self, file_id: str, *topics: str) -> Iterator[asyncio.Future[Event]]:
        """The next event about a file on one of these topics; enter before you ask for it to happen."""
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        places = [(topic, file_id) for topic in topics]
        for place in places:
            self._waiting[place].add(future)
        try:
            yield future
        finally:
            for place in places:
                self._waiting[place].discard(future)
                if not self._waiting[place]:
                    del self._waiting[place]
            future.cancel()

    async def _follow(self, begun: "asyncio.Future[None]") -> None:
        while True:
            try:
                async with tail(self._settings, list(self._shorts)) as consumer:
                    if not begun.done():
                        begun.set_result(None)
                    async for record in consumer:
                        self._hear(self._shorts[record.topic], event_of(record))
            except KafkaError as error:
                if not begun.done():
                    raise
                # What is said meanwhile is missed here; who waits looks into the store before giving up.
                log.warning("outcomes are not heard; trying again", error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)

    def _hear(self, short: str, event: Event | None) -> None:
        if event is None:
            return
        for told in self.heard:
            told(short, event)
        for future in self._waiting.get((short, str(event.get("file_id"))), ()):
            if not future.done():
                future.set_result(event)
