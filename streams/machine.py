"""All of Loa on one machine: the broker, and each part as a process of its own, started again when it fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from storage.opening import is_address
from streams.broker import BrokerError, EmbeddedBroker, shown_on_stderr
from streams.gateway.auth import check_door
from streams.part import Part
from streams.readers.reconcile import GRACE_SECONDS, INTERVAL_SECONDS
from streams.readers.webhooks.endpoints import Endpoints
from streams.reconciling import Reconciling
from streams.settings import Settings

RESTART_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """Where HTTP is served. `port`: 0 for a free one."""

    host: str
    port: int


class Machine:
    """`loa up`. `ready` is called with the addresses once a request would be spoken. Raises SettingsError."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        kafka_port: int | None,
        door: Door,
        ready: Callable[[dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._data = data
        self._kafka_port = kafka_port
        place = settings.storage_dir
        self._storage = place if is_address(place) else str(Path(place).absolute())
        self._ready = ready
        self._door = door
        check_door(settings, door.host)
        self._webhooks = bool(settings.webhook_secret or settings.webhook_endpoints_file)
        if self._webhooks:
            Endpoints(settings)  # what is wrong is said before anything starts
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop the parts, then the broker."""
        self._stopping.set()

    async def run(self) -> int:
        """Run until stopped. Returns the exit status: that of a part that never worked, or 0."""
        if self._settings.kafka_brokers:
            return await self._run_parts(self._settings.kafka_brokers, asyncio.sleep(0))
        with shown_on_stderr() as progress:
            broker = EmbeddedBroker(self._data / "kafka", self._kafka_port, progress)
            starting, brokers = await self._launch(broker)
        watching = asyncio.create_task(self._keep(broker, starting))
        try:
            return await self._run_parts(brokers, starting)
        finally:
            self._stopping.set()
            await watching
            await asyncio.to_thread(broker.stop)

    async def _launch(self, broker: EmbeddedBroker) -> tuple[asyncio.Task[Any], str]:
        """Begin to start the broker; returns what ends when it answers, and where it will. Raises BrokerError."""
        loop = asyncio.get_running_loop()
        launched: asyncio.Queue[str] = asyncio.Queue()

        def tell(address: str) -> None:
            loop.call_soon_threadsafe(launched.put_nowait, address)

        starting = asyncio.create_task(asyncio.to_thread(broker.start, tell))
        address = asyncio.create_task(launched.get())
        await asyncio.wait({starting, address}, return_when=asyncio.FIRST_COMPLETED)
        if not address.done():
            address.cancel()
            await starting
        return starting, address.result()

    async def _run_parts(self, brokers: str, starting: Awaitable[Any]) -> int:
        """The worker loads its engines while the broker starts; what it says counts once the broker answers."""
        worker = Part(["worker", "--create-topics"], brokers)
        kept: asyncio.Future[Any] = asyncio.create_task(worker.keep())
        stopping: asyncio.Future[Any] = asyncio.create_task(self._stopping.wait())
        try:
            await starting
            await asyncio.wait({kept, stopping, worker.ready}, return_when=asyncio.FIRST_COMPLETED)
            if worker.ready.done():
                async with self._beside(brokers) as http:
                    if http is None:
                        return 1  # it has said why
                    self._ready({"ready": True, "kafka": brokers, "http": http, "storage": self._storage})
                    await asyncio.wait({kept, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            worker.stop()
            stopping.cancel()
            status = int(await kept)
        return status

    @asynccontextmanager
    async def _beside(self, brokers: str) -> AsyncIterator[str | None]:
        """What runs beside a worker that has made the topics; yields where HTTP is served, or None if it cannot be."""
        gateway = Part(["gateway", "--host", self._door.host, "--port", str(self._door.port)], brokers)
        parts = [gateway, *([Part(["webhooks"], brokers, TTS_HEALTH_PORT="0")] if self._webhooks else [])]
        keeping: list[asyncio.Future[Any]] = [asyncio.create_task(part.keep()) for part in parts]
        reconciling = asyncio.create_task(self._reconcile(brokers))
        try:
            await asyncio.wait({gateway.ready, keeping[0]}, return_when=asyncio.FIRST_COMPLETED)
            yield gateway.ready.result()["http"] if gateway.ready.done() else None
        finally:
            reconciling.cancel()
            for part in parts:
                part.stop()
            await asyncio.gather(reconciling, *keeping, return_exceptions=True)

    async def _reconcile(self, brokers: str) -> None:
        """The second pair of eyes; without it nothing stops, so its faults are only told."""
        settings = self._settings.model_copy(update={"kafka_brokers": brokers, "health_port": 0})
        try:
            await Reconciling(settings, GRACE_SECONDS, INTERVAL_SECONDS, lambda _: None).run()
        except KafkaError as error:
            log.error("requests are not compared with their outcomes any more", error=str(error))

    async def _keep(self, broker: EmbeddedBroker, starting: asyncio.Task[Any]) -> None:
        """Start the broker again when it ends unasked; its port and its data stay, and the worker sits it out."""
        await asyncio.wait([starting])
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_SECONDS)
            if not self._stopping.is_set() and not broker.running:
                log.warning("Kafka ended and is started again", data=str(broker.data_dir))
                try:
                    await asyncio.to_thread(broker.start)
                except BrokerError as error:
                    log.error("Kafka does not start", error=str(error))
