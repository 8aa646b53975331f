"""Parts that enter by the same doors as the real ones, and keep what they were given."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from models.engine import Piece
from models.plugins import load_engine
from models.registry import Registry
from models.schedule import Claim
from models.speech import Speech
from storage.files import AudioFiles
from storage.memory import MemoryStore
from streams.agents.delivery import Delivery
from streams.agents.intake import Intake
from streams.agents.making import Maker
from streams.agents.reusing import Reusing
from streams.agents.synthesis import Synthesis
from streams.events import Event
from streams.metrics.worker import WorkerMetrics
from streams.quotas import Quotas
from streams.readers.cancellations import Cancellations
from streams.readers.sources import Sources
from streams.settings import Settings


@cache
def tone_registry() -> Registry:
    """The tone alone; shared, since its table of languages takes a second to load."""
    return Registry(["tone"])


class InProcessPool:
    """An engine pool without processes: speaks at once, or does what `instead` says."""

    def __init__(self, model: str = "tone", instead: Callable[[Piece], Speech] | None = None) -> None:
        self._engine = load_engine(model)
        self._engine.load()
        self._instead = instead
        self.asked: list[Piece] = []
        self.claims: list[Claim] = []
        self.spoken: list[Piece] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def ahead(self, _: str) -> int:
        """As `EnginePool.ahead`: one process."""
        return 1

    async def speak(
        self,
        model: str,
        piece: Piece,
        timeout: float,  # noqa: ASYNC109
        claim: Claim,
        check: Callable[[Speech], None],
    ) -> Speech:
        """As `EnginePool.speak`; waits for `gate`."""
        self.asked.append(piece)
        self.claims.append(claim)
        await self.gate.wait()
        claim.begun()
        self.spoken.append(piece)
        speech = self._instead(piece) if self._instead else self._engine.speak(piece)
        check(speech)
        return speech


class MemoryWriter:
    """An event writer that keeps what it was told in `events` and `records`; fails if `broken`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.passed_on: list[Mapping[str, bytes] | None] = []
        self.records: list[tuple[str, bytes | None, bytes | None, Any]] = []
        self.broken: Exception | None = None

    async def emit(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        """As `EventWriter.emit`."""
        if self.broken:
            raise self.broken
        self.mention(event, passed_on)

    def mention(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        """As `EventWriter.mention`, which tells nobody that it fails."""
        self.events.append(event)
        self.passed_on.append(passed_on)

    async def write(self, short: str, key: bytes | None, value: bytes | None, headers: Any) -> None:
        """As `EventWriter.write`."""
        if self.broken:
            raise self.broken
        self.records.append((short, key, value, headers))

    def of(self, topic: str) -> list[Any]:
        """The events of one topic, by its short name."""
        return [event for event in self.events if event.topic == topic]


class Log:
    """A partition to be delivered; `done` has the offsets that were said to be done, in that order."""

    def __init__(self, topic: str = "tts.requests") -> None:
        self.topic = topic
        self.deliveries: list[Delivery] = []
        self.done: list[int] = []

    def append(
        self, value: bytes | None, key: bytes | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> Delivery:
        """One record more."""
        offset = len(self.deliveries)
        delivery = Delivery(
            topic=self.topic,
            partition=0,
            offset=offset,
            key=key,
            value=value,
            time=datetime.now(UTC),
            done=lambda: self.done.append(offset),
            headers=dict(headers),
            raw_headers=tuple(headers),
        )
        self.deliveries.append(delivery)
        return delivery

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        """All records, once."""
        for delivery in self.deliveries:
            yield delivery


class Rig:
    """The agents among fakes; each `run` is a worker that starts, takes all of `log`, and stops."""

    def __init__(self, settings: Settings, pool: InProcessPool | None = None, registry: Registry | None = None) -> None:
        self.settings = settings
        self.registry = registry or tone_registry()
        self.log = Log()
        self.store = MemoryStore()
        self.files = AudioFiles(self.store, wait=lambda _: None)
        self.writer = MemoryWriter()
        self.pool = pool or InProcessPool()
        self.metrics = WorkerMetrics(self.settings.metrics_tenants)
        self.cancellations = Cancellations()
        self.cancellations.read.set()
        self.quotas = Quotas(settings)
        self.quotas.read.set()
        self.sources = Sources(settings)
        self.sources.read.set()

    def ask(self, key: bytes | None = None, headers: Sequence[tuple[str, bytes]] = (), **fields: object) -> Delivery:
        """Append a request for a tone."""
        request = {"text": "Hello there.", "model": "tone"} | fields
        return self.log.append(orjson.dumps(request), key, headers)

    def agent(self) -> Intake:
        """A worker's agents."""
        maker = Maker(self.settings, self.pool, self.files, "w")
        reusing = Reusing(self.settings, self.sources)
        synthesis = Synthesis(self.settings, maker, self.writer, "w", self.metrics, quotas=self.quotas, reusing=reusing)
        return Intake(self.settings, self.registry, synthesis, self.cancellations)

    async def run(self) -> Intake:
        """Take all, and finish it."""
        agent = self.agent()
        await agent.run(aiter(self.log))
        await agent.drain(30)
        return agent
