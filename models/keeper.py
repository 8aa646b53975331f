"""Engine processes kept alive: started, watched, and replaced when they end, however that comes."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from models import heartbeat
from models.engine import EngineDied, ModelError
from models.process import EngineProcess, Recipe, ended

_T = TypeVar("_T")

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """What is called. `came`: a process can speak. `went`: one that could has ended.

    `failing`: there is none, and why the last could not be started; it is tried again.
    """

    came: Callable[[EngineProcess], None]
    went: Callable[[EngineProcess], None]
    failing: Callable[[ModelError], None]


class Keeper:
    """One process for each recipe. Use from one event loop.

    `start_timeout`, `heartbeat_seconds`: as EnginePool says.
    """

    def __init__(
        self, recipes: Sequence[Recipe], told: Told, *, start_timeout: float, heartbeat_seconds: float
    ) -> None:
        self._recipes = recipes
        self._start_timeout = start_timeout
        self._heartbeat_seconds = heartbeat_seconds
        self._told = told
        # A thread reads from each process, and one from its successor while a killed one is still being read out.
        self._threads = ThreadPoolExecutor(2 * len(recipes), "engine")
        self._started: set[EngineProcess] = set()
        self._alive: dict[int, EngineProcess] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._closing = asyncio.Event()
        self.failure: ModelError | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes that are ready to speak, or speaking."""
        return tuple(self._alive)

    @property
    def closing(self) -> bool:
        """Whether no process is started any more."""
        return self._closing.is_set()

    @property
    def replacing(self) -> bool:
        """Whether a process is on its way, and nothing speaks against its coming."""
        return len(self._alive) < len(self._recipes) and self.failure is None

    async def start(self) -> None:
        """Start all, and wait until each can speak. Raises ModelError; close it then."""
        starting = [self._awaited(self._start_one(recipe)) for recipe in self._recipes]
        results = await asyncio.gather(*starting, return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                raise error
        self.background(self._listen())

    def stop(self) -> None:
        """End all at once, and start none any more."""
        self._closing.set()
        for process in self._started:
            process.kill()

    async def close(self) -> None:
        """Wait until all have ended that `stop` has ended, those that were being started too."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.shutdown(wait=False)

    def background(self, work: Awaitable[object]) -> None:
        """What `close` waits for, and whose errors are told."""
        self._awaited(work).add_done_callback(_report)

    def _awaited(self, work: Awaitable[_T]) -> "asyncio.Future[_T]":
        """What `close` waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def in_thread(self, work: Callable[..., _T], *arguments: object) -> "asyncio.Future[_T]":
        """Run what waits for a process; it ends with the process at the latest."""
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _start_one(self, recipe: Recipe) -> None:
        """Start a process, wait until it can speak, and watch for its end. Raises ModelError."""
        process = await EngineProcess.start(recipe, heartbeat.step(self._heartbeat_seconds))
        self._started.add(process)
        try:
            if self._closing.is_set():
                raise EngineDied("the engines are being closed")
            await heartbeat.within(self._start_timeout, self.in_thread(process.wait_ready))
        except TimeoutError:
            await self._end(process)
            raise EngineDied(f"the engines were not loaded within {self._start_timeout:g} s") from None
        except BaseException:
            await self._end(process)
            raise
        self._alive[process.pid] = process
        self.background(self._watch(process, recipe))
        self._told.came(process)

    async def _end(self, process: EngineProcess) -> None:
        self._started.discard(process)
        process.kill()
        buried = self.in_thread(process.bury)
        self.background(buried)  # whoever waits for it may be cancelled, and it is buried all the same
        await asyncio.shield(buried)

    async def _listen(self) -> None:
        """Kill whoever falls silent; its watcher does the rest. Counts looks in vain, and compares no clocks."""
        pause = heartbeat.step(self._heartbeat_seconds)
        too_many = math.ceil(self._heartbeat_seconds / pause) + 1
        while not self._closing.is_set():
            for process in self._alive.values():
                if process.missed_beats() == too_many:
                    reason = f"gave no sign of life for {self._heartbeat_seconds:g} s"
                    log.warning("engine process %d %s and is replaced", process.pid, reason)
                    process.kill(reason)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)

    async def _watch(self, process: EngineProcess, recipe: Recipe) -> None:
        """Wait for the process to end, however that comes; then start another."""
        await ended(process.pid)
        del self._alive[process.pid]
        self._told.went(process)
        await self._end(process)
        if not self._closing.is_set():
            await self._replace(recipe)

    async def _replace(self, recipe: Recipe) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                await self._start_one(recipe)
            except (ModelError, OSError) as error:
                self.failure = error if isinstance(error, ModelError) else EngineDied(str(error))
                if not self._alive:
                    self._told.failing(self.failure)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self.failure = None
                return


def _report(work: "asyncio.Future[Any]") -> None:
    """What such work ends by is a fault of the pool, unless it is an engine's."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not isinstance(error, ModelError):
        work.get_loop().call_exception_handler({"message": "engine pool", "exception": error, "future": work})
