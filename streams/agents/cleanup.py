"""Clean-up: a timer publishes commands, and an agent removes what has expired and says so."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice

import structlog
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from storage.cleanup import CleanUp, Deleted, Due
from storage.errors import StoreError
from storage.expiry import SHARDS
from storage.files import AudioFiles
from storage.retention import Retention
from streams.agents import outcomes
from streams.agents.delivery import Deliveries, Delivery
from streams.crash import crash_point
from streams.events import CleanupRequested, Keep
from streams.kafka import EventWriter
from streams.metrics import declared
from streams.metrics.worker import WorkerMetrics

AT_ONCE = 16
BACKLOG = 32
"""Commands of a partition: with more than so many before it, a worker leaves a shard to one of the later ones."""

log = structlog.get_logger(__name__)


async def publish_forever(
    writer: EventWriter, files: AudioFiles, minutes: float, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Ask for a clean-up of every shard now, and again after each interval.

    Every worker does so: commands of several workers, or after a missed interval, only find less or more to do.
    """
    while True:
        try:
            await asyncio.to_thread(files.store.sweep)
            cutoff = clock()
            await asyncio.gather(*(writer.emit(CleanupRequested(cutoff=cutoff, shard=shard)) for shard in SHARDS))
        except (KafkaError, StoreError) as error:
            log.warning("no clean-up this time", error=str(error))
        await asyncio.sleep(minutes * 60)


class Cleanup:
    """Executes commands. Each step can be repeated: a command that comes twice, or half done, does no harm."""

    def __init__(
        self,
        files: AudioFiles,
        clean_up: CleanUp,
        writer: EventWriter,
        metrics: WorkerMetrics,
        behind: Callable[[str], Mapping[int, range]],
    ) -> None:
        """`behind`: by partition of a topic the offsets that were not taken up yet, as far as is known."""
        self._behind = behind
        self._files = files
        self._clean_up = clean_up
        self._retention = Retention(files)
        self._writer = writer
        self._metrics = metrics

    async def run(self, deliveries: Deliveries) -> None:
        """Take commands in their order."""
        async for delivery in deliveries:
            try:
                await self._execute(CleanupRequested.model_validate_json(delivery.value or b""), delivery)
            except ValidationError as error:
                log.warning("no clean-up command", source=delivery.source, error=str(error))
            except StoreError as error:  # what is left is found again at the next interval
                log.error("clean-up failed", source=delivery.source, error=str(error))
                self._metrics.count(declared.CLEANUP_ERRORS)
            delivery.done()

    async def _execute(self, command: CleanupRequested, delivery: Delivery) -> None:
        if command.keep:
            await self._keep(command.keep, command.tenant)
        elif command.file_id:
            await self._delete(command.file_id, command.tenant)
        elif command.shard and command.cutoff:
            # A shard's commands are in one partition, and each finds all that those before it would have found.
            if len(self._behind(delivery.topic).get(delivery.partition, ())) > BACKLOG:
                return
            # The broker stamped the command: a worker or timer whose clock runs ahead deletes nothing too early.
            await self._sweep(command.shard, min(command.cutoff, delivery.time))

    async def _delete(self, file_id: str, tenant: str | None) -> None:
        """Delete one file whatever its expiry; a repeat says the same again."""
        found = await asyncio.to_thread(self._files.find, file_id)
        if found is not None and tenant in {None, found.tenant}:
            await self._tell(await asyncio.to_thread(self._clean_up.delete, file_id))

    async def _keep(self, keep: Keep, tenant: str | None) -> None:
        """Keep one file longer; a repeat says the same again. Nothing is said of one whose time is over."""
        found = await asyncio.to_thread(self._files.find, keep.file_id)
        if found is None or tenant not in {None, found.tenant}:
            return
        kept = await asyncio.to_thread(self._retention.change, keep.file_id, keep.expires_at, keep.pinned)
        if kept is not None:
            await self._writer.emit(outcomes.retained(kept))

    async def _sweep(self, shard: str, cutoff: datetime) -> None:
        """Settle all that is due in one shard, some at a time: memory does not grow with their number."""
        due = self._clean_up.due(cutoff, shard)
        while batch := await asyncio.to_thread(lambda: list(islice(due, AT_ONCE))):
            await asyncio.gather(*map(self._settle, batch))

    async def _settle(self, due: Due) -> None:
        try:
            await self._tell(await asyncio.to_thread(self._clean_up.settle, due))
        except StoreError as error:
            log.error("a file could not be cleaned up", file_id=due.marker.file_id, error=str(error))
            self._metrics.count(declared.CLEANUP_ERRORS)

    async def _tell(self, deleted: Deleted | None) -> None:
        """Say that a file is gone, and only then forget that it had to go."""
        if deleted is not None:
            crash_point("cleanup.settled")
            await self._writer.emit(outcomes.deleted(deleted.tombstone))
            crash_point("cleanup.told")
            self._metrics.deleted(deleted.tombstone.reason, deleted.tombstone.file_size)
            await asyncio.to_thread(self._clean_up.forget, deleted)
            crash_point("cleanup.forgotten")
