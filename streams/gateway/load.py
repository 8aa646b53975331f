"""How much is queued, and how fast it is done: what callers are told of their turn, and when there are too many."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from storage.errors import IndexTrouble
from storage.index import Index
from streams.gateway.errors import busy
from streams.settings import Settings
from streams.threads import in_thread

FRESH_SECONDS = 1.0
RECENT_SECONDS = 60.0
MOST_RECENT = 1000
LEAST_WAIT, LONGEST_WAIT = 1, 3600

log = structlog.get_logger(__name__)


class Load:
    """Estimated seconds of speech that are queued, and seconds of speech that workers finish in a second."""

    def __init__(self, settings: Settings, index: Index, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = settings.max_queued_seconds
        self._index = index
        self._clock = clock
        self._queued: dict[str, tuple[float, float]] = {}
        self._looking = asyncio.Lock()
        self._done: deque[tuple[float, float]] = deque(maxlen=MOST_RECENT)
        self._alone: float | None = None

    def heard(self, short: str, event: dict[str, Any]) -> None:
        """An event: of a result, it tells how fast it was made."""
        seconds, took = event.get("duration_seconds"), event.get("synthesis_seconds")
        if short != "completed" or event.get("cached"):
            return
        if isinstance(seconds, int | float) and isinstance(took, int | float) and took > 0:
            self._done.append((self._clock(), float(seconds)))
            self._alone = seconds / took

    @property
    def speed(self) -> float | None:
        """Seconds of speech a second, of late: that of the last request, or of all together where that is more."""
        since = self._clock() - RECENT_SECONDS
        while self._done and self._done[0][0] < since:
            self._done.popleft()
        if self._alone is None or len(self._done) < 2:
            return self._alone
        span = self._done[-1][0] - self._done[0][0]
        together = sum(seconds for _, seconds in list(self._done)[1:]) / span if span > 1 else 0.0
        return max(self._alone, together)

    def wait_for(self, seconds: float) -> float | None:
        """How long so many seconds of speech will take; None where nothing is known yet."""
        return round(seconds / self.speed, 3) if self.speed else None

    async def admit(self, lane: str) -> None:
        """Raises ApiError 429, which says when to come again, where more is queued in a lane than may be."""
        queued = await self._queued_now(lane)
        if queued > self._most:
            wait = self.wait_for(queued - self._most) or queued - self._most
            raise busy(
                f"about {queued:.0f} seconds of speech are queued, and {self._most:g} may be",
                max(LEAST_WAIT, min(LONGEST_WAIT, round(wait))),
            )

    async def _queued_now(self, lane: str) -> float:
        """As the index has it, looked up once a second at most. Where it does not answer, nobody is sent away."""
        async with self._looking:
            queued, looked = self._queued.get(lane, (0.0, -FRESH_SECONDS))
            if self._clock() - looked >= FRESH_SECONDS:
                try:
                    queued = await in_thread(self._index.queued_seconds, lane)
                except IndexTrouble as error:
                    log.warning("the index does not tell how much is queued", error=str(error))
                    queued = 0.0
                self._queued[lane] = queued, self._clock()
        return queued
