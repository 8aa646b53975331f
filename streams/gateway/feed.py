"""What a gateway hears, for all streams of events: one tail of the log, and a queue for each who listens."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from streams.gateway.event_ids import Places, written

MOST_WAITING = 1000
MOST_READING_BACK = 8

Event = dict[str, Any]
Wanted = Callable[[str, Event], bool]


@dataclass(frozen=True)
class News:
    """One event: topic, partition and offset, and up to where all was heard with it."""

    short: str
    partition: int
    offset: int
    event: Event
    heard: Places

    @cached_property
    def id(self) -> str:
        """See `event_ids`; made once for all who listen."""
        return written(self.heard)


@dataclass(eq=False)
class Listener:
    """`begun`: up to where all was heard before. What is heard afterwards comes by `next`."""

    begun: Places
    wanted: Wanted
    _queue: "asyncio.Queue[News | None]" = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    _ended: bool = False

    @property
    def idle(self) -> bool:
        """Whether it has taken all that came."""
        return self._queue.empty()

    async def next(self) -> News | None:
        """The next event; None when the stream has to end: all that it lacks can be read with the last id."""
        return None if self._ended and self.idle else await self._queue.get()

    def take(self, news: News) -> None:
        """Queue it; who is too slow to take what comes is ended."""
        if self._queue.full():
            self.end()
        elif not self._ended:
            self._queue.put_nowait(news)

    def end(self) -> None:
        """Nothing comes any more."""
        self._ended = True
        if self.idle:
            self._queue.put_nowait(None)


class Feed:
    """Passes on what is heard. `begin` after what may have been missed, `passed` with each record, then `tell`.

    `reading_back`: those who read what the log has from before; they have consumers of their own, so they are few.
    """

    def __init__(self) -> None:
        self.reading_back = asyncio.Semaphore(MOST_READING_BACK)
        self._places: dict[tuple[str, int], int] = {}
        self._listeners: set[Listener] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def places(self) -> Places:
        """Up to where all was heard."""
        return self._places.copy()

    @contextmanager
    def listening(self, wanted: Wanted) -> Iterator[Listener]:
        """Within the block, a listener is told what it wants."""
        listener = Listener(self.places, wanted)
        self._listeners.add(listener)
        if self._closed:
            listener.end()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def begin(self, places: Places) -> None:
        """All is heard from these places on. Who listened before may have missed something, and begins anew."""
        self._places = dict(places)
        self._end()

    def passed(self, short: str, partition: int, offset: int) -> None:
        """A record was read, whatever it was."""
        self._places[short, partition] = offset + 1

    def tell(self, short: str, partition: int, offset: int, event: Event) -> None:
        """An event, after `passed`."""
        wanting = [listener for listener in self._listeners if listener.wanted(short, event)]
        if wanting:
            news = News(short, partition, offset, event, self.places)
            for listener in wanting:
                listener.take(news)

    def close(self) -> None:
        """End all streams, and those to come: the gateway leaves, and another goes on."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        for listener in self._listeners:
            listener.end()
