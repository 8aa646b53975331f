"""How much is queued, and how fast it is done: what callers are told of their turn, and when there are too many."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

import structlog

from storage.errors import IndexTrouble
from storage.index import Index
from streams.gateway.errors import busy
from streams.readers.demand import Speed
from streams.settings import Settings
from streams.threads import in_thread

FRESH_SECONDS = 1.0
LEAST_WAIT, LONGEST_WAIT = 1, 3600

log = structlog.get_logger(__name__)


class Load:
    """Estimated seconds of speech that are queued, and seconds of speech that workers finish in a second."""

    def __init__(self, settings: Settings, index: Index, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = settings.max_queued_seconds
        self._index = index
        self._clock = clock
        self._queued: dict[str, tuple[float | None, float]] = {}
        self._looking = asyncio.Lock()
        self._speed = Speed()

    def heard(self, short: str, event: dict[str, Any]) -> None:
        """An event: of a result, it tells how fast it was made."""
        if short == "completed":
            self._speed.heard(event, self._clock())

    @property
    def speed(self) -> float | None:
        """Seconds of speech a second, of late: that of the last request, or of all together where that is more."""
        return self._speed.of_all(self._clock())

    def speed_of_one(self, workers: int) -> float | None:
        """That of one worker of so many."""
        return self._speed.of_one(self._clock(), workers)

    def wait_for(self, seconds: float) -> float | None:
        """How long so many seconds of speech will take; None where nothing is known yet."""
        return round(seconds / self.speed, 3) if self.speed else None

    async def admit(self, lane: str) -> None:
        """Raises ApiError 429, which says when to come again, where more is queued in a lane than may be."""
        queued = await self.queued(lane) or 0.0  # where the index does not answer, nobody is sent away
        if queued > self._most:
            wait = self.wait_for(queued - self._most) or queued - self._most
            raise busy(
                f"about {queued:.0f} seconds of speech are queued, and {self._most:g} may be",
                max(LEAST_WAIT, min(LONGEST_WAIT, round(wait))),
            )

    async def queued(self, lane: str) -> float | None:
        """Seconds of speech, estimated, looked up in the index once a second at most; None: it does not answer."""
        async with self._looking:
            queued, looked = self._queued.get(lane, (None, -math.inf))
            if self._clock() - looked >= FRESH_SECONDS:
                try:
                    queued = await in_thread(self._index.queued_seconds, lane)
                except IndexTrouble as error:
                    log.warning("the index does not tell how much is queued", error=str(error))
                    queued = None
                self._queued[lane] = queued, self._clock()
        return queued
