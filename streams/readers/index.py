"""The projection: what the log tells, taken into the index as it comes, by as many gateways as there are.

Those that have one index between them share the partitions as a consumer group does, but where one goes on is in the
index, written with what was read up to there: a crash in between leaves both or neither. Nothing is committed to the
broker. The group has the index's name: gateways with an index each read everything each.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from storage.errors import IndexMoved, IndexTrouble, StoreError
from storage.index import Index, Read, take_store
from streams.kafka import admin_client, answering, client_options, cluster_id, disconnect
from streams.parts import open_files
from streams.readers.places import Found, Places
from streams.readers.rebuild import retention
from streams.readers.told import change_of, indexed
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES, Topics, TopicsError
from streams.whole import in_thread

POLL_MS = 200
MOST_RECORDS = 2000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10.0
PRUNE_SECONDS = 3600.0
STORE_PAUSE_SECONDS = 60.0

log = structlog.get_logger(__name__)


class _Stopped(Exception):  # noqa: N818
    pass


class Projection:
    """Keeps an index up to date. `caught_up`: set once it has all that the log had when it began to read.

    Several may share one index, and then it is up to date when each of them runs.
    """

    def __init__(self, settings: Settings, index: Index) -> None:
        self.caught_up = asyncio.Event()
        self._settings = settings
        self._index = index
        topics = Topics(settings)
        self._shorts = {topics[short].name: short for short in indexed(settings)}
        self._ends: dict[TopicPartition, int] | None = None
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Read until cancelled; a broker or a database that is away is waited for."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (self._read(), self._prune(), self._read_store()):
                    tasks.create_task(work)
        finally:
            self._stopping.set()

    async def _read(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._connect()
                name = await in_thread(self._index.name)
                async with self._consumer(f"{self._settings.kafka_group}-index-{name}") as consumer:
                    pause = FIRST_PAUSE_SECONDS
                    await self._follow(consumer, Places(consumer, self._index))
            except (KafkaError, TopicsError, IndexTrouble) as error:
                log.warning("the index is not kept up to date; trying again", error=str(error) or repr(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connect(self) -> None:
        """Raises KafkaError, TopicsError, IndexTrouble."""
        await answering(self._settings)
        async with admin_client(self._settings) as admin:
            await Topics(self._settings).require(admin)
        cluster = await cluster_id(self._settings)
        if cluster and not await in_thread(self._index.belong_to, cluster):
            log.warning("the index was of another cluster's log, and is made anew", cluster=cluster)

    async def _pairs(self) -> list[TopicPartition]:
        async with admin_client(self._settings) as admin:
            counts = await Topics(self._settings).counts(admin)
        return [TopicPartition(name, n) for name, short in self._shorts.items() for n in range(counts[short])]

    @asynccontextmanager
    async def _consumer(self, group: str) -> AsyncIterator[AIOKafkaConsumer]:
        session = int(self._settings.kafka_session_timeout_seconds * 1000)
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 5,
            max_poll_interval_ms=100_000_000,  # a database that is away for long is no reason to leave the group
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_bytes=8 * MAX_MESSAGE_BYTES,
            max_poll_records=MOST_RECORDS,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await disconnect(consumer.stop())

    async def _follow(self, consumer: AIOKafkaConsumer, places: Places) -> None:
        consumer.subscribe(list(self._shorts), listener=places)
        if self._ends is None:
            self._ends = await consumer.end_offsets(await self._pairs())
        while True:
            await places.settle()
            found = await places.expected(await consumer.getmany(timeout_ms=POLL_MS))
            reads = places.reads(found) or await places.markers()
            if reads:
                await self._take(places, found, reads)
            if not self.caught_up.is_set() and await places.reached(self._ends):
                self.caught_up.set()

    async def _take(self, places: Places, found: Found, reads: Sequence[Read]) -> None:
        """Take records in; while the database is away, again and again: the group need not know."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await in_thread(self._apply, found, reads)
            except IndexMoved as error:  # it was rebuilt, or restored from a copy
                log.warning("the index stands elsewhere, and is read on from there", reason=str(error))
                places.lost()
                return
            except IndexTrouble as error:
                log.warning("the index cannot be written; trying again", error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                places.passed(reads)
                return

    def _apply(self, found: Found, reads: Sequence[Read]) -> None:
        told = (
            change_of(one, self._shorts[one.topic], self._settings) for records in found.values() for one in records
        )
        self._index.apply([change for change in told if change is not None], reads)

    async def _prune(self) -> None:
        while True:
            try:
                pruned = await in_thread(self._index.prune, *retention(self._settings, datetime.now(UTC)))
            except IndexTrouble as error:
                log.warning("the index could not be pruned", error=str(error))
            else:
                log.debug("the index was pruned", jobs=pruned.jobs, files=pruned.files, deliveries=pruned.deliveries)
            await asyncio.sleep(PRUNE_SECONDS)

    async def _read_store(self) -> None:
        """An index that was begun anew lacks files whose events retention has removed: the store has them."""
        await self.caught_up.wait()
        while True:
            try:
                if await in_thread(self._index.store_read_at) is None:
                    await in_thread(self._take_store)
                return
            except (IndexTrouble, StoreError) as error:
                log.warning("the store could not be read into the index; trying again", error=str(error))
            await asyncio.sleep(STORE_PAUSE_SECONDS)

    def _take_store(self) -> None:
        files = open_files(self._settings)
        try:
            take_store(self._index, files, self._stop_if_told)
        except _Stopped:
            pass
        finally:
            files.store.close()

    def _stop_if_told(self, _count: int) -> None:
        if self._stopping.is_set():
            raise _Stopped
