"""The systems that speak with the same voice: how each is started, and who asks it."""

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from bare import ONE_THREAD
from clients import Client, Requests, make_topics
from common import cpu_seconds
from peers_clients import CeleryClient, HttpClient
from processes import Child, broker_pids, free_port, loa_gateway, loa_worker, running
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.broker import EmbeddedBroker

PROGRAMS = Path(__file__).parent / "peer"
CORES = len(os.sched_getaffinity(0))
START_SECONDS = 120
QUEUED_SECONDS = 300
"""Speech that Loa's gateway lets wait, where it is asked over HTTP."""
CALLS_A_WORKER = 32
"""Calls that a uvicorn worker has at once, where it is limited."""

_numbers = count()


@dataclass
class Place:
    """What the systems share: a Kafka, a Redis, and a folder."""

    broker: EmbeddedBroker
    redis: str
    redis_pid: int
    folder: Path


class System(ABC):
    """One of them, with topics, a group and files of its own. `limited`: it turns away what it cannot do in time."""

    title = ""
    gone_seconds = 75
    """Silence after which what is missing is gone. A Faust worker that was killed holds its partitions for 60."""

    def __init__(self, place: Place, *, limited: bool = False) -> None:
        self.place = place
        self.limited = limited
        self.name = f"peer-{next(_numbers)}-{self.title.lower()}"
        self.audio = place.folder / f"{self.name}-storage"
        self.audio.mkdir()
        self.children: list[Child] = []

    def client(self) -> Requests:
        """Whoever asks it; to be entered once it is ready."""
        return Client(self.place.broker.bootstrap, self.name)

    def queue(self) -> list[int]:
        """Process ids of what carries its requests."""
        return broker_pids(self.place.broker)

    async def prepare(self) -> None:  # noqa: B027 - nothing, by default
        """What has to be there before its processes are."""

    @abstractmethod
    async def start(self) -> None:
        """Start its processes, the first time and after each kill. Whether they are ready says `ready`."""

    async def ready(self) -> None:  # noqa: B027 - by default what is sent waits
        """Wait until all of it takes requests."""

    async def kill(self) -> None:
        """kill -9 of all its processes, as when a container is killed."""
        for child in self.children:
            await child.kill_group()
        self.children = []

    async def stop(self) -> None:
        """End it in order."""
        await asyncio.gather(*(child.stop() for child in self.children))
        self.children = []

    def pids(self) -> list[int]:
        return [child.pid for child in self.children]

    def cpu_seconds(self) -> float:
        """Of its own processes."""
        return cpu_seconds(*self.pids())

    async def run(self, child: Child) -> Child:
        self.children.append(child)
        await child.start()
        return child

    async def program(self, *command: str, number: int = 0) -> Child:
        """One of the programs of `peer/`, run by the module that its documentation names."""
        environment = ONE_THREAD | {
            "PYTHONPATH": f"{PROGRAMS}{os.pathsep}{PROGRAMS.parents[1]}",
            "PEER_NAME": self.name,
            "PEER_BROKERS": self.place.broker.bootstrap,
            "PEER_REDIS": self.place.redis,
            "PEER_FOLDER": str(self.audio),
        }
        child = Child(f"{self.name}-{number}", [sys.executable, "-m", *command], environment, self.place.folder)
        return await self.run(child)


class Loa(System):
    """`loa worker`, asked through Kafka; over HTTP where it is limited, since it is the gateway that turns away."""

    title = "Loa"

    def client(self) -> Requests:
        if self.limited:
            return HttpClient(f"{self.children[-1].said['http']}/api/tts/synthesize")
        return super().client()

    async def start(self) -> None:
        brokers, folder = self.place.broker.bootstrap, self.place.folder
        settings = {"MODELS": "hibari", "ENGINE_PROCESSES": str(CORES)}
        await self.run(loa_worker(self.name, brokers, folder, **settings))
        if self.limited:
            await self.children[0].ready()  # it makes the topics
            settings["MAX_QUEUED_SECONDS"] = str(QUEUED_SECONDS)
            await self.run(loa_gateway(self.name, brokers, folder, **settings))

    async def ready(self) -> None:
        await self.children[-1].ready()


class _OnKafka(System):
    async def prepare(self) -> None:
        await make_topics(self.place.broker.bootstrap, self.name)

    async def ready(self) -> None:
        """Wait until the group has a member a core, and has shared the partitions out."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.place.broker.bootstrap)
        await admin.start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    if await self._stable(admin):
                        return
                    await asyncio.sleep(0.2)
        finally:
            await admin.close()

    async def _stable(self, admin: AIOKafkaAdminClient) -> bool:
        with suppress(KafkaError):
            (answer,) = await admin.describe_consumer_groups([self.name])
            _, _, state, _, _, members, *_ = answer.groups[0]
            return state == "Stable" and len(members) == CORES
        return False


class Faust(_OnKafka):
    """A worker a core, which Faust's own documentation starts one by one."""

    title = "Faust"

    async def start(self) -> None:
        for number in range(CORES):
            data = str(self.place.folder / f"{self.name}-{number}-faust")
            options = ("-A", "faust_app", "--datadir", data, "worker", "-l", "warn", "--web-port", str(free_port()))
            await self.program("faust", *options, number=number)


class FastStream(_OnKafka):
    """One command, a process a core."""

    title = "FastStream"

    async def start(self) -> None:
        await self.program("faststream", "run", "faststream_app:app", "--workers", str(CORES), "--log-level", "warning")


class Celery(System):
    """One command, a process a core by Celery's own default."""

    title = "Celery"

    def client(self) -> Requests:
        return CeleryClient(self.place.redis)

    def queue(self) -> list[int]:
        return [self.place.redis_pid]

    async def prepare(self) -> None:
        async with Redis.from_url(self.place.redis) as redis:
            await redis.flushdb()  # what another stint has left behind is not this one's

    async def start(self) -> None:
        await self.program("celery", "-A", "celery_app", "worker", "-l", "warning")


class FastApi(System):
    """One command, a process a core, no queue."""

    title = "FastAPI"
    gone_seconds = 10

    def __init__(self, place: Place, *, limited: bool = False) -> None:
        super().__init__(place, limited=limited)
        self._port = free_port()

    def client(self) -> Requests:
        return HttpClient(f"http://127.0.0.1:{self._port}/speech")

    def queue(self) -> list[int]:
        return []

    async def start(self) -> None:
        limit = ("--limit-concurrency", str(CALLS_A_WORKER)) if self.limited else ()
        options = ("--workers", str(CORES), "--port", str(self._port), "--log-level", "warning", *limit)
        await self.program("uvicorn", "fastapi_app:app", *options)

    async def ready(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    writer.close()
                    return
                await asyncio.sleep(0.2)


SYSTEMS = (Loa, Faust, FastStream, Celery, FastApi)


@asynccontextmanager
async def working(system: System, warm_up: list[str]) -> AsyncIterator[Requests]:
    """Start a system and speak the texts with it, twice; stopped at the end, what a kill has started anew too."""
    await system.prepare()
    try:
        await system.start()
        await system.ready()
        async with system.client() as client:
            for turn in range(2):
                requests = {f"{system.name}-warm-{turn}-{n}": text for n, text in enumerate(warm_up)}
                await client.burst(requests)
                await client.finished(requests, START_SECONDS)
            yield client
    finally:
        await system.stop()


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """A Redis of the benchmark's own, with its own defaults: address and process id."""
    port = free_port()
    program = str(Path(sys.executable).parent / "redis-server")
    child = Child("redis", [program, "--port", str(port), "--dir", str(folder)], {}, folder)
    async with running(child):
        async with Redis(port=port) as redis, asyncio.timeout(START_SECONDS):
            while True:
                with suppress(RedisError):
                    await redis.ping()
                    break
                await asyncio.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0", child.pid
