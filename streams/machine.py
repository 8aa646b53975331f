"""All of Loa on one machine: the broker, and each part as a process of its own, started again when it fails."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import structlog
from aiokafka.errors import KafkaError

from streams.broker import BrokerError, EmbeddedBroker, shown_on_stderr
from streams.readers.reconcile import GRACE_SECONDS, INTERVAL_SECONDS
from streams.readers.webhooks.endpoints import Endpoints
from streams.reconciling import Reconciling
from streams.settings import Settings

RESTART_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Part:
    """A `loa` command as a child process, which ends when this process does; `ready` is what it says once it works."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._command = [sys.executable, "-m", "streams.cli", *command, "--end-with-stdin"]
        self._environment = os.environ | environment
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep(self) -> int:
        """Run it until `stop`, again whenever it fails; not if it never worked. Returns the last exit status."""
        status = 0
        while not self._stopping:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the parent, which stops the parts in order
            )
            await self._listen(process)
            status = await process.wait()
            if not self.ready.done():
                break
            if not self._stopping:
                log.warning("a part ended and is started again", command=self._command[3:], status=status)
                await asyncio.sleep(RESTART_SECONDS)
        return status

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("a part has no standard output")
        async for line in process.stdout:
            if not self.ready.done():
                self.ready.set_result(orjson.loads(line))

    def stop(self) -> None:
        """Ask it to finish in order."""
        self._stopping = True
        if self._process is not None and self._process.stdin is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()


class Machine:
    """`loa up`. `ready` is called with the addresses once a request would be spoken. Raises SettingsError."""

    def __init__(
        self, settings: Settings, data: Path, kafka_port: int | None, ready: Callable[[dict[str, Any]], None]
    ) -> None:
        self._settings = settings
        self._data = data
        self._kafka_port = kafka_port
        self._storage = str(Path(settings.storage_dir).absolute())
        self._ready = ready
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
        worker = Part(["worker", "--create-topics"], {"TTS_KAFKA_BROKERS": brokers})
        kept: asyncio.Future[Any] = asyncio.create_task(worker.keep())
        stopping: asyncio.Future[Any] = asyncio.create_task(self._stopping.wait())
        try:
            await starting
            await asyncio.wait({kept, stopping, worker.ready}, return_when=asyncio.FIRST_COMPLETED)
            if worker.ready.done():
                async with self._beside(brokers):
                    self._ready({"ready": True, "kafka": brokers, "http": None, "storage": self._storage})
                    await asyncio.wait({kept, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            worker.stop()
            stopping.cancel()
            status = int(await kept)
        return status

    @asynccontextmanager
    async def _beside(self, brokers: str) -> AsyncIterator[None]:
        """What runs beside a worker that has made the topics."""
        parts = [Part(["webhooks"], {"TTS_KAFKA_BROKERS": brokers})] if self._webhooks else []
        keeping = [asyncio.create_task(part.keep()) for part in parts]
        reconciling = asyncio.create_task(self._reconcile(brokers))
        try:
            yield
        finally:
            reconciling.cancel()
            for part in parts:
                part.stop()
            await asyncio.gather(reconciling, *keeping, return_exceptions=True)

    async def _reconcile(self, brokers: str) -> None:
        """The second pair of eyes; without it nothing stops, so its faults are only told."""
        settings = self._settings.model_copy(update={"kafka_brokers": brokers})
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
