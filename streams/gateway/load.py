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
from streams.readers.demand import Speeds
from streams.settings import Settings
from streams.whole import in_thread

FRESH_SECONDS = 0.25
MOST_KNOWN = 10_000
LEAST_WAIT, LONGEST_WAIT = 1, 3600

log = structlog.get_logger(__name__)


class Load:
    """Estimated seconds of speech that are queued, and seconds of speech that workers finish in a second.

    A `pool` of None stands for all pools.
    """

    def __init__(self, settings: Settings, index: Index, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = settings.max_queued_seconds
        self._index = index
        self._clock = clock
        self._queued: dict[tuple[str | None, ...], tuple[float | None, float]] = {}
        self._looking = asyncio.Lock()
        self._speeds = Speeds(settings)

    def heard(self, short: str, event: dict[str, Any]) -> None:
        """An event: of a result, it tells how fast it was made."""
        if short == "completed":
            self._speeds.heard(event, self._clock())

    def speed(self, pool: str | None = None) -> float | None:
        """Seconds of speech a second, of late: that of the last request, or of all together where that is more."""
        return self._speeds.of(pool).of_all(self._clock())

    def speed_of_one(self, workers: int, pool: str | None = None) -> float | None:
        """That of one worker of so many."""
        return self._speeds.of(pool).of_one(self._clock(), workers)

    def wait_for(self, seconds: float, pool: str) -> float | None:
        """How long so many seconds of speech will take a pool; None where nothing is known yet."""
        speed = self.speed(pool)
        return round(seconds / speed, 3) if speed else None

    async def admit(self, lane: str, tenant: str, pool: str, seconds: float) -> None:
        """Raises ApiError 429, which says when to come again, where more is queued in the pool than may be.

        In the lane, and for the interactive one of the tenant in both: what it asks for beyond its share leaves its
        lane for the bulk one, so that a flood of one tenant never fills the lane that it was meant for. `seconds`: of
        speech that are asked for, which count from now on, and not only once the index has heard of them.
        """
        self._refuse(await self.queued(lane, None, pool), "are queued", pool)
        if lane == "interactive":
            self._refuse(await self.queued(None, tenant, pool), f"of tenant {tenant!r} are queued", pool)
        for which in ((lane, None, pool), (None, tenant, pool)):
            known, looked = self._queued.get(which, (None, 0.0))
            if known is not None:
                self._queued[which] = known + seconds, looked

    def _refuse(self, queued: float | None, where: str, pool: str) -> None:
        if queued is not None and queued > self._most:  # where the index does not answer, nobody is sent away
            wait = self.wait_for(queued - self._most, pool) or queued - self._most
            raise busy(
                f"about {queued:.0f} seconds of speech {where}, and {self._most:g} may be",
                max(LEAST_WAIT, min(LONGEST_WAIT, round(wait))),
            )

    async def queued(self, lane: str | None, tenant: str | None = None, pool: str | None = None) -> float | None:
        """Seconds of speech, estimated, looked up four times a second at most; None: the index does not answer.

        In a lane or in both, of a tenant or of all, in a pool or in all.
        """
        which = lane, tenant, pool
        async with self._looking:
            queued, looked = self._queued.get(which, (None, -math.inf))
            if self._clock() - looked >= FRESH_SECONDS:
                try:
                    queued = await in_thread(self._index.queued_seconds, *which)
                except IndexTrouble as error:
                    log.warning("the index does not tell how much is queued", error=str(error))
                    queued = None
                if len(self._queued) >= MOST_KNOWN:
                    self._queued.clear()
                self._queued[which] = queued, self._clock()
        return queued
