"""The installation in a gateway's metrics: its group, its queue, its store. Looked at when asked, not too often."""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from storage.errors import IndexTrouble
from storage.index import LANES
from streams.gateway.parts import Parts
from streams.metrics import declared
from streams.metrics.registry import Metrics
from streams.readers.group import lag, members
from streams.topics import TopicsError
from streams.whole import in_thread

FRESH_SECONDS = 5.0
LOOK_SECONDS = 5.0
"""A reader of metrics waits for ten; what does not answer is told as missing before."""

OF_KAFKA = (declared.WORKERS, declared.GROUP_LAG)
OF_THE_INDEX = (
    declared.QUEUED_SECONDS,
    declared.JOBS,
    declared.STORE_FILES,
    declared.STORE_BYTES,
    declared.EXPIRED_FILES,
    declared.EXPIRED_BYTES,
)

log = structlog.get_logger(__name__)


class Installation:
    """Keeps the gauges of the installation fresh; one that is not known now is not shown."""

    def __init__(self, parts: Parts, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._metrics = metrics
        self._clock = clock
        self._looked = -FRESH_SECONDS
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Look again, unless somebody did a moment ago."""
        async with self._looking:
            if self._clock() - self._looked >= FRESH_SECONDS:
                await asyncio.gather(
                    self._ask("kafka", self._kafka, OF_KAFKA), self._ask("index", self._index, OF_THE_INDEX)
                )
                self._looked = self._clock()

    async def _ask(self, dependency: str, look: Callable[[], Any], known: tuple[declared.Metric, ...]) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await look()
        except (KafkaError, TopicsError, IndexTrouble, TimeoutError) as error:
            log.warning("metrics lack what does not answer", dependency=dependency, error=repr(error))
            for metric in known:
                self._metrics.forget(metric)
            self._metrics.set(declared.DEPENDENCY, 0, dependency=dependency)
        else:
            self._metrics.set(declared.DEPENDENCY, 1, dependency=dependency)

    async def _kafka(self) -> None:
        workers, behind = await asyncio.gather(members(self._parts.settings), lag(self._parts.settings))
        self._metrics.set(declared.WORKERS, len(workers))
        for short, records in behind.items():
            self._metrics.set(declared.GROUP_LAG, records, topic=short)

    async def _index(self) -> None:
        totals = await in_thread(self._parts.index.totals, None)
        for pool, lane in itertools.product(self._parts.settings.pools, LANES):
            seconds = totals.queued_in_pools.get(pool, {}).get(lane, 0.0)
            self._metrics.set(declared.QUEUED_SECONDS, seconds, pool=pool, lane=lane)
        for status, count in totals.jobs.items():
            self._metrics.set(declared.JOBS, count, status=status)
        self._metrics.set(declared.STORE_FILES, totals.total_files)
        self._metrics.set(declared.STORE_BYTES, totals.total_bytes)
        self._metrics.set(declared.EXPIRED_FILES, totals.expired_files)
        self._metrics.set(declared.EXPIRED_BYTES, totals.expired_bytes)
