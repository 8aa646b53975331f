"""The life of a worker: it starts, says that it can speak, tells its health, and leaves in order or not at all."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
from aiokafka.errors import KafkaConnectionError

from streams.agents.cleanup import publish_forever
from streams.app import Parts, assemble
from streams.health import health_server
from streams.kafka import EventWriter, admin_client, answering
from streams.settings import Settings
from streams.topics import Topics

WATCH_SECONDS = 0.5
EXIT_SECONDS = 20.0
FIRST_PAUSE_SECONDS, QUIET_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 2.0, 5.0

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
        self._tasks: set[asyncio.Task[None]] = set()

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
        async with AsyncExitStack() as stack:
            parts = await assemble(self._settings, stack, self._connect)
            if not self._stopping.is_set():
                await self._begin(parts, stack)
                await self._stopping.wait()
                await self._leave(parts)
        return 0 if self._reason is None else 1

    async def _connect(self, writer: EventWriter, topics: Topics) -> None:
        """Wait for a broker as long as it takes, and look at the topics. Raises TopicsError."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                await answering(self._settings)
                async with admin_client(self._settings) as admin:
                    if self._create_topics:
                        await topics.create(admin)
                    await topics.require(admin)
                await writer.start()
                return
            except KafkaConnectionError as error:
                if pause > QUIET_PAUSE_SECONDS:  # `loa up` starts a worker before its broker answers
                    log.warning("no broker answers; trying again", error=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    async def _begin(self, parts: Parts, stack: AsyncExitStack) -> None:
        settings, service = self._settings, parts.service
        self._keep(parts.cancellations.follow(settings, parts.topics["commands"].name))
        for reader in (parts.quotas, parts.sources):
            if reader.on:
                self._keep(reader.follow(settings, parts.topics))
        await service.start()
        self._watch(parts)
        self._keep(service.keep_committing())
        self._keep(parts.express.run())
        self._keep(publish_forever(parts.writer, parts.files, settings.cleanup_interval_minutes))
        address = await stack.enter_async_context(
            health_server(settings, self._trouble(parts), self._unready(parts), parts.metrics)
        )
        self._keep(self._announce(parts, address))

    async def _announce(self, parts: Parts, address: str) -> None:
        await parts.service.assigned.wait()
        gc.freeze()  # what a worker consists of is never garbage, and not to be looked through for it
        self._ready({"ready": True, "worker": parts.name, "models": list(self._settings.models), "health": address})
        await self._stopping.wait()

    async def _leave(self, parts: Parts) -> None:
        """Finish what is in hand, unless something is wrong; in any case leave in time."""
        _exit_after(
            EXIT_SECONDS + (self._settings.drain_seconds if self._reason is None else 0), self._reason or "stop"
        )
        for task in self._tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._reason is None:
            await parts.intake.drain(self._settings.drain_seconds)
            await parts.service.commit_finished()
        await parts.intake.cancel()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """A task without which the worker is none: if it ends, so does the worker."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None or not self._stopping.is_set():
            self.fail(f"a task of the worker ended: {error!r}")

    def _trouble(self, parts: Parts) -> Callable[[], str | None]:
        """Why this worker cannot go on, if so. Safe to call from any thread."""
        return lambda: self._reason or parts.service.trouble(self._settings.window_max_age_seconds)

    def _unready(self, parts: Parts) -> Callable[[], str | None]:
        """Why a request would not be spoken now, if so."""

        def complaint() -> str | None:
            if self._stopping.is_set():
                return self._reason or "stopping"
            if not parts.service.assigned.is_set():
                return "no partitions were assigned yet"
            return parts.engines.trouble or parts.service.trouble(self._settings.window_max_age_seconds)

        return complaint

    def _watch(self, parts: Parts) -> None:
        """End the worker when it cannot go on, from a thread of its own: a blocked loop cannot watch itself."""
        loop, trouble = asyncio.get_running_loop(), self._trouble(parts)
        for end in (parts.service.fatal, parts.intake.failure):
            end.add_done_callback(lambda reason: self.fail(reason.result()))

        def watch() -> None:
            while not self._stopping.is_set():
                reason = trouble()
                if reason:
                    _exit_after(EXIT_SECONDS, reason)
                    with suppress(RuntimeError):  # the loop has ended by itself
                        loop.call_soon_threadsafe(self.fail, reason)
                    return
                threading.Event().wait(WATCH_SECONDS)

        threading.Thread(target=watch, name="watchdog", daemon=True).start()


def _exit_after(seconds: float, reason: str) -> None:
    """Leave without ceremony if the orderly way takes longer: a zombie that looks healthy is worse."""

    def leave() -> None:
        log.error("worker ends at once", reason=f"not gone {seconds:g} s after: {reason}")
        os._exit(1)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
