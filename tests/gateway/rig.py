"""A gateway whose log is a list and whose worker lives in the same process: all parts but the broker are real."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from storage.errors import IndexUnavailable
from storage.retention import Retention
from streams import settings
from streams.agents import outcomes
from streams.events import CleanupRequested, Event
from streams.gateway.app import serve
from streams.gateway.auth import Doorkeeper
from streams.gateway.keys import Keys
from streams.gateway.library import Library
from streams.gateway.load import Load
from streams.gateway.parts import Parts
from streams.gateway.speech import Speaking
from streams.gateway.waits import Waits
from streams.topics import Topics
from tests.fakes import InProcessPool, MemoryWriter, Rig, tone_registry

Told = Callable[[str, dict[str, Any]], None]


class WorkerWriter(MemoryWriter):
    """What the worker says is heard at once."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self._told = told

    def mention(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        """As `EventWriter.mention`, and with whatever is emitted."""
        super().mention(event, passed_on)
        self._told(event.topic, orjson.loads(event.encode()))


class NoIndex:
    """An index that does not answer, but for how much is queued."""

    def __init__(self) -> None:
        self.queued = 0.0

    def queued_seconds(self, lane: str | None, tenant: str | None, pool: str | None) -> float:
        """As `Index.queued_seconds`."""
        return self.queued

    def job(self, tenant: str, request_id: str) -> None:
        """As `Index.job` without a database."""
        raise IndexUnavailable(f"{tenant}/{request_id}: there is no index here")


class Site:
    """`client` calls the gateway; `work` lets the worker take what is on the log: at each request while `busy`."""

    def __init__(self, pool: InProcessPool | None = None, **given: str) -> None:
        self.settings = settings.load({"TTS_MODELS": "tone", "TTS_RETRY_ATTEMPTS": "1", **given})
        self.rig = Rig(self.settings, pool)
        self.writer = MemoryWriter()
        self.waits = Waits(self.settings, Topics(self.settings))
        self.rig.writer = WorkerWriter(self.waits.hear)
        self.library = Library(self.rig.files)
        self.waits.heard.append(lambda _, event: self.library.forget(str(event.get("file_id"))))
        self.index: Any = NoIndex()
        self.busy = True
        self.writer.write = self._write  # type: ignore[method-assign]
        self.writer.emit = self._emit  # type: ignore[assignment]
        self.asked: list[dict[str, Any]] = []

    @property
    def parts(self) -> Parts:
        keys = Keys(self.settings.api_keys_file) if self.settings.api_keys_file else None
        load = Load(self.settings, self.index)
        writer: Any = self.writer
        speaking = Speaking(self.settings, writer, self.waits, self.library, load, quotas=self.rig.quotas)
        return Parts(
            settings=self.settings,
            writer=writer,
            waits=self.waits,
            library=self.library,
            speaking=speaking,
            registry=tone_registry(),
            door=Doorkeeper(self.settings, keys),
            index=self.index,
            load=load,
            quotas=self.rig.quotas,
        )

    async def work(self) -> None:
        """Take all that is on the log, and finish it."""
        await self.rig.run()
        self.rig.log.deliveries.clear()

    async def _write(self, short: str, key: bytes | None, value: bytes | None, headers: Any) -> None:
        if self.writer.broken:
            raise self.writer.broken
        self.asked.append(orjson.loads(value or b""))
        self.rig.log.append(value, key, headers)
        if self.busy:
            await self.work()

    async def _emit(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        if self.writer.broken:
            raise self.writer.broken
        self.writer.events.append(event)
        if isinstance(event, CleanupRequested) and event.file_id:
            self.delete(event.file_id)
        if isinstance(event, CleanupRequested) and event.keep and self.busy:
            kept = Retention(self.rig.files).change(event.keep.file_id, event.keep.expires_at, event.keep.pinned)
            if kept is not None:
                self.waits.hear("retained", orjson.loads(outcomes.retained(kept).encode()))

    def delete(self, file_id: str, *, told: bool = True) -> None:
        """As the clean-up agent does."""
        from storage.cleanup import CleanUp

        deleted = CleanUp(self.rig.files).delete(file_id)
        assert deleted is not None
        if told:
            self.waits.hear("deleted", {"file_id": file_id})

    @asynccontextmanager
    async def client(self, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A client of a gateway over these parts."""
        transport = httpx.ASGITransport(serve(self.parts), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", **more) as made:
            yield made
