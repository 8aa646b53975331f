"""How many workers there should be: speech that is queued, held against how fast it is spoken. What an autoscaler asks.

A worker speaks `worker_speed` seconds of speech in a second. What is queued is to be spoken within `within` seconds, by

    recommended_workers = ceil(queued_seconds / (within_seconds · worker_speed))

workers, of which more than there are partitions would have nothing to do. With too few of them the queue grows, and so
does the number; it settles where a request waits for about `within_seconds`. Each pool has a queue, workers and
partitions of its own.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.kafka import admin_client
from streams.readers.group import members
from streams.readers.replay import replay, when
from streams.readers.tail import event_of
from streams.routes import in_pool
from streams.setting_types import DEFAULT_POOL
from streams.settings import Settings
from streams.topics import Topics

RECENT_SECONDS = 60.0
MOST_RECENT = 1000
LEAST_WITHIN, MOST_WITHIN = 0.001, 86_400.0  # seconds
WITHIN_SECONDS = 60.0
UNKNOWN_SPEED = 1.0  # as fast as it is heard: what a worker is taken for that has not spoken of late


class Speed:
    """Seconds of speech that are finished in a second, from the results of the last minute, or from the last one."""

    def __init__(self) -> None:
        self._done: deque[tuple[float, float]] = deque(maxlen=MOST_RECENT)
        self._alone: float | None = None

    def heard(self, event: Mapping[str, Any], at: float) -> None:
        """A `tts.completed`, and the time in seconds, by any one clock; copies were not spoken."""
        if event.get("cached"):
            return
        seconds, took = event.get("duration_seconds"), event.get("synthesis_seconds")
        if isinstance(seconds, int | float) and isinstance(took, int | float) and took > 0:
            self._done.append((at, float(seconds)))
            self._alone = seconds / took

    def of_all(self, now: float) -> float | None:
        """That of the last request, or of all together where that is more; None: nothing is known yet."""
        return self.of_one(now, 1)

    def of_one(self, now: float, workers: int) -> float | None:
        """That of one worker of so many. It is no less than that of the last request, which one worker spoke."""
        while self._done and self._done[0][0] < now - RECENT_SECONDS:
            self._done.popleft()
        if self._alone is None or len(self._done) < 2:
            return self._alone
        span = self._done[-1][0] - self._done[0][0]
        together = sum(seconds for _, seconds in list(self._done)[1:]) / span if span > 1 else 0.0
        return max(self._alone, together / max(1, workers))


class Speeds:
    """The speed of each pool, and that of all together, by the results."""

    def __init__(self, settings: Settings) -> None:
        self._routes = settings.routes
        self._all = Speed()
        self._pools = {pool: Speed() for pool in settings.pools}

    def heard(self, event: Mapping[str, Any], at: float) -> None:
        """A `tts.completed`, as `Speed`: of the pool that speaks its model."""
        self._all.heard(event, at)
        self._pools[self._routes.get(str(event.get("model")), DEFAULT_POOL)].heard(event, at)

    def of(self, pool: str | None) -> Speed:
        """Of a pool; None: of all."""
        return self._all if pool is None else self._pools[pool]


@dataclass(frozen=True, slots=True)
class Demand:
    """What is queued, in estimated seconds of speech by lane, and who is there to speak it: in a pool, or in all.

    `worker_speed`: seconds of speech that one worker speaks in a second; None: none has spoken yet. `within_seconds`:
    the time in which what is queued is to be spoken.
    """

    queued: Mapping[str, float]
    workers: int
    partitions: int
    worker_speed: float | None
    within_seconds: float = WITHIN_SECONDS
    pool: str | None = None

    @property
    def queued_seconds(self) -> float:
        """Of all lanes."""
        return sum(self.queued.values())

    @property
    def recommended_workers(self) -> int:
        """How many workers speak what is queued in time; 0 where nothing is."""
        needed = self.queued_seconds / (self.within_seconds * (self.worker_speed or UNKNOWN_SPEED))
        return min(self.partitions, math.ceil(needed))

    def row(self) -> dict[str, Any]:
        """For who reads JSON."""
        return {
            "pool": self.pool,
            "queued_seconds": round(self.queued_seconds, 3),
            "lanes": {lane: round(seconds, 3) for lane, seconds in self.queued.items()},
            "workers": self.workers,
            "partitions": self.partitions,
            "seconds_per_worker": round(self.queued_seconds / max(1, self.workers), 3),
            "worker_speed": None if self.worker_speed is None else round(self.worker_speed, 3),
            "within_seconds": self.within_seconds,
            "recommended_workers": self.recommended_workers,
        }


async def demand(
    settings: Settings,
    queued: Mapping[str, float],
    speed: Callable[[int], float | None],
    within: float,
    pool: str | None = None,
) -> Demand:
    """With the workers and the partitions that the broker knows of. `speed`: of one worker of so many.

    Raises KafkaError, TopicsError.
    """
    pools = settings.pools if pool is None else (pool,)
    workers = len(await members(settings, *pools))
    async with admin_client(settings) as admin:
        counts = await Topics(settings).counts(admin)
    most = sum(counts[in_pool("requests", each)] for each in pools)
    return Demand(queued, workers, most, speed(workers), within, pool)


async def speeds_of_late(settings: Settings) -> Speeds:
    """From the log, by the broker's clock. Raises KafkaError, TopicsError, ReplayError."""
    speeds = Speeds(settings)
    since = datetime.now(UTC) - timedelta(seconds=RECENT_SECONDS)
    async for record in replay(settings, [Topics(settings)["completed"].name], since):
        speeds.heard(event_of(record) or {}, when(record).timestamp())
    return speeds
