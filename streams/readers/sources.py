"""Which files were spoken of late, by what they are: every worker hears of what all of them speak."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from streams.readers.result import Result
from streams.readers.tail import event_of, follow
from streams.settings import Settings
from streams.topics import Topics

MOST_REMEMBERED = 100_000


class Source(Result):
    """A file that may be copied."""

    cache_key: str


class Sources:
    """The file of each cache key that was spoken last, as long as it may be used again; the newest so many."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.read = asyncio.Event()
        self._life = timedelta(minutes=settings.reuse_minutes)
        self._clock = clock
        self._found: OrderedDict[str, Source] = OrderedDict()
        if not self.on:
            self.read.set()

    @property
    def on(self) -> bool:
        """Whether anything is used again."""
        return bool(self._life)

    def of(self, cache_key: str) -> str | None:
        """The file id of what was spoken for that key; it may be gone by now."""
        source = self._found.get(cache_key)
        if source is not None and source.created_at + self._life <= self._clock():
            del self._found[cache_key]
            return None
        return source.file_id if source else None

    def add(self, source: Source) -> None:
        """It was committed. Copies are no sources: what is heard was spoken no longer ago than the settings say."""
        if source.cached or not self.on:
            return
        self._found[source.cache_key] = source
        self._found.move_to_end(source.cache_key)
        if len(self._found) > MOST_REMEMBERED:
            self._found.popitem(last=False)

    def forget(self, cache_key: str, file_id: str) -> None:
        """That file is not there whole."""
        if self.of(cache_key) == file_id:
            del self._found[cache_key]

    def hear(self, record: ConsumerRecord) -> None:
        """A `tts.completed`; what is none, or of a version that tells no key, is ignored."""
        try:
            self.add(Source.model_validate(event_of(record) or {}))
        except ValidationError:
            return

    async def follow(self, settings: Settings, topics: Topics) -> None:
        """Hear of results for as long as the caller lives; `read` is set when those of before are known."""
        await follow(settings, [topics["completed"].name], self.hear, self.read, self._clock() - self._life)
