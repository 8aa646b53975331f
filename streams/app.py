"""The composition root: settings → store → engines → agents. Nothing else builds these parts."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
from aiokafka.errors import KafkaConnectionError

from models.host import EnginePool
from storage.cleanup import CleanUp
from streams.agents.cleanup import Cleanup, publish_forever
from streams.agents.making import Maker
from streams.agents.service import Service
from streams.agents.synthesis import Synthesis
from streams.kafka import EventWriter, admin_client
from streams.parts import open_files, open_registry
from streams.settings import Settings
from streams.topics import Topics
from streams.worker_id import worker_id

WATCH_SECONDS = 0.5
EXIT_SECONDS = 20.0
RECONNECT_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Worker:
    """One worker process: agents on an event loop, engine processes beside it.

    `ready` is called with what to say once it can speak.
    """

    def __init__(
        self, settings: Settings, ready: Callable[[dict[str, Any]], None], *, create_topics: bool = False
    ) -> None:
        self._settings = settings
        self._ready = ready
        self._create_topics = create_topics
        self._stopping = asyncio.Event()
        self._reason: str | None = None

    def stop(self) -> None:
        """Finish in order: what is in hand within its time, then leave."""
        self._stopping.set()

    def fail(self, reason: str) -> None:
        """Leave with an error: this worker cannot go on, and its work will be delivered to another."""
        if self._reason is None:
            self._reason = reason
            log.error("worker ends", reason=reason)
        self._stopping.set()

    async def run(self) -> int:
        """Work until stopped. Returns the exit status: 0 after `stop`, 1 after `fail`."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            name = stack.enter_context(worker_id(settings))
            topics, registry = Topics(settings), open_registry(settings)
            files = await asyncio.to_thread(open_files, settings)
            stack.callback(files.store.close)
            pool = EnginePool(settings.models, processes=settings.engine_processes)
            writer = EventWriter(settings, topics)
            stack.push_async_callback(pool.close)
            await asyncio.gather(pool.start(), self._connect(writer, topics), asyncio.to_thread(registry.warm_up))
            stack.push_async_callback(writer.stop)
            if self._stopping.is_set():
                return 0
            service = Service(settings, name)
            stack.push_async_callback(service.close)
            synthesis = Synthesis(settings, registry, Maker(settings, pool, files, name), writer, name)
            service.follow(topics["requests"].name, synthesis.run)
            clean_up = CleanUp(files, settings.tombstone_days, settings.orphan_grace_minutes * 60)
            service.follow(topics["cleanup"].name, Cleanup(files, clean_up, writer).run)
            await service.start()
            self._watch(service, synthesis)
            background = [
                asyncio.create_task(service.keep_committing()),
                asyncio.create_task(publish_forever(writer, files, settings.cleanup_interval_minutes)),
                asyncio.create_task(self._announce(service, name)),
            ]
            await self._stopping.wait()
            _exit_after(EXIT_SECONDS + (settings.drain_seconds if self._reason is None else 0))
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            if self._reason is None:
                await synthesis.drain(settings.drain_seconds)
                await service.commit_finished()
            await synthesis.cancel()
        return 0 if self._reason is None else 1

    async def _connect(self, writer: EventWriter, topics: Topics) -> None:
        """Wait for a broker as long as it takes, and look at the topics. Raises TopicsError."""
        wait = RECONNECT_SECONDS
        while not self._stopping.is_set():
            try:
                async with admin_client(self._settings) as admin:
                    if self._create_topics:
                        await topics.create(admin)
                    await topics.require(admin)
                await writer.start()
                return
            except KafkaConnectionError as error:
                log.warning("no broker answers; trying again", brokers=self._settings.kafka_brokers, error=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait)
                wait = min(wait * 2, 15.0)

    async def _announce(self, service: Service, name: str) -> None:
        await service.assigned.wait()
        self._ready({"ready": True, "worker": name, "models": list(self._settings.models)})

    def _watch(self, service: Service, synthesis: Synthesis) -> None:
        """End the worker when it cannot go on, from a thread of its own: a blocked loop cannot watch itself."""
        loop = asyncio.get_running_loop()
        service.fatal.add_done_callback(lambda reason: self.fail(reason.result()))
        synthesis.failure.add_done_callback(lambda reason: self.fail(reason.result()))

        def watch() -> None:
            while not self._stopping.is_set():
                reason = service.trouble(self._settings.window_max_age_seconds)
                if reason:
                    _exit_after(EXIT_SECONDS)
                    with suppress(RuntimeError):  # the loop has ended by itself
                        loop.call_soon_threadsafe(self.fail, reason)
                    return
                threading.Event().wait(WATCH_SECONDS)

        threading.Thread(target=watch, name="watchdog", daemon=True).start()


def _exit_after(seconds: float) -> None:
    """Leave without ceremony if the orderly way takes longer: a zombie that looks healthy is worse."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
