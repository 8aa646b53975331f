"""The supervisor of the engine processes: one piece at a time each, and the dead and the lying replaced."""

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from models import heartbeat, wire
from models.engine import AudioRejected, EngineDied, EngineTimeout, ModelError, OutOfMemory, Piece
from models.plugins import Options
from models.process import EngineProcess, ended
from models.schedule import ANYBODY, Claim, FairQueue
from models.speech import Speech

_T = TypeVar("_T")

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


class EnginePool:
    """`processes` engine processes, each with all of `models` loaded. Use from one event loop.

    `options`: what engines are made with. `memory_bytes`: the most private memory a process may have, 0 for no limit.
    `start_timeout`: seconds until a process must have loaded its engines and spoken a test sentence with each.
    `heartbeat_seconds`: the longest that a process, speaking or not, may give no sign of life. These times, and that of
    a piece, are times in which the caller's process ran: one that was stopped for a while holds nothing of it against
    its engines.
    """

    def __init__(
        self,
        models: Sequence[str],
        processes: int,
        *,
        memory_bytes: int = 0,
        start_timeout: float = 120.0,
        heartbeat_seconds: float = 30.0,
        options: Options | None = None,
    ) -> None:
        if processes < 1 or not models:
            raise ValueError(f"a pool needs models and at least one process, not {models} and {processes}")
        self.models = tuple(models)
        self._wanted = processes
        self._memory_bytes = memory_bytes
        self._start_timeout = start_timeout
        self._heartbeat_seconds = heartbeat_seconds
        self._options = options
        # A thread for each process, and one for its successor while a killed one is still being read out.
        self._threads = ThreadPoolExecutor(2 * processes, "engine")
        self._started: set[EngineProcess] = set()
        self._alive: dict[int, EngineProcess] = {}
        self._idle: deque[EngineProcess] = deque()
        self._waiting: FairQueue[asyncio.Future[EngineProcess]] = FairQueue()
        self._tasks: set[asyncio.Task[object]] = set()
        self._failure: ModelError | None = None
        self._closing = asyncio.Event()

    @property
    def processes(self) -> int:
        """How many processes the pool keeps; fewer can speak while one is being replaced (`pids`)."""
        return self._wanted

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of those that are ready to speak or speaking."""
        return tuple(self._alive)

    @property
    def failure(self) -> ModelError | None:
        """Why the latest replacement could not be started; None while all is well."""
        return self._failure

    async def start(self) -> None:
        """Start all processes and wait until each can speak. Raises ModelError (the pool is closed then)."""
        results = await asyncio.gather(*(self._start_one() for _ in range(self._wanted)), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                await self.close()
                raise error
        self._background(self._listen())

    async def speak(
        self,
        model: str,
        piece: Piece,
        timeout: float,  # noqa: ASYNC109 - of the process, not of the wait
        claim: Claim = ANYBODY,
        check: Callable[[Speech], None] = lambda _: None,
    ) -> Speech:
        """Speak one piece on the next idle process; who waits is served as `models.schedule` says.

        `timeout`: seconds the process may take, not counting the wait for it. A process that passes it, dies or
        freezes is killed and replaced, and so is one whose audio `check` rejects. Raises EngineTimeout, EngineDied,
        OutOfMemory, SpeakError, UnknownModel, and what `check` raises. A cancelled caller leaves the process to finish
        its piece, which nobody hears.
        """
        request = wire.request(model, piece)
        process = await self._take(claim)
        return await asyncio.shield(self._background(self._exchange(process, request, timeout, check)))

    async def close(self) -> None:
        """End all processes; pieces being spoken or waiting end in EngineDied."""
        self._closing.set()
        self._refuse_waiting(EngineDied("the engines are being closed"))
        for process in self._started:
            process.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.shutdown(wait=False)

    # -- one piece ------------------------------------------------------------------------------------------------

    async def _exchange(
        self, process: EngineProcess, request: bytes, seconds: float, check: Callable[[Speech], None]
    ) -> Speech:
        loop = asyncio.get_running_loop()
        try:
            speaking = loop.run_in_executor(self._threads, _checked, process, request, check)
            speech = await heartbeat.within(seconds, speaking)
        except TimeoutError:
            process.kill()
            raise EngineTimeout(f"engine process {process.pid} did not answer within {seconds:g} s") from None
        except (EngineDied, OutOfMemory, AudioRejected):
            # Out of memory: what the libraries hold by then is not given back. Rejected: it may lie again.
            process.kill()
            raise
        except ModelError:
            self._give(process)
            raise
        except BaseException:
            process.kill()
            raise
        self._give(process)
        return speech

    async def _take(self, claim: Claim) -> EngineProcess:
        """The next idle process, when it is this claim's turn."""
        while self._idle:
            process = self._idle.popleft()
            if process.alive:
                return process
        if self._closing.is_set() or (self._failure and not self._alive):
            raise EngineDied(f"no engine process: {self._failure or 'closed'}")
        turn: asyncio.Future[EngineProcess] = asyncio.get_running_loop().create_future()
        self._waiting.push(turn, claim)
        try:
            return await turn
        except asyncio.CancelledError:
            # Cancelled between being given a process and waking up.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give(turn.result())
            raise

    def _give(self, process: EngineProcess) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(process)
                return
        self._idle.append(process)

    def _refuse_waiting(self, error: ModelError) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_exception(error)

    # -- processes ------------------------------------------------------------------------------------------------

    async def _start_one(self) -> None:
        """Start a process, wait until it can speak, and watch for its end. Raises ModelError."""
        loop = asyncio.get_running_loop()
        beat = heartbeat.step(self._heartbeat_seconds)
        process = EngineProcess(self.models, self._memory_bytes, beat, self._options)
        self._started.add(process)
        try:
            await heartbeat.within(self._start_timeout, loop.run_in_executor(self._threads, process.wait_ready))
        except TimeoutError:
            await self._end(process)
            raise EngineDied(f"the engines were not loaded within {self._start_timeout:g} s") from None
        except BaseException:
            await self._end(process)
            raise
        self._alive[process.pid] = process
        self._background(self._watch(process))
        self._give(process)

    async def _end(self, process: EngineProcess) -> None:
        self._started.discard(process)
        process.kill()
        await asyncio.get_running_loop().run_in_executor(self._threads, process.bury)

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

    async def _watch(self, process: EngineProcess) -> None:
        """Wait for the process to end, however that comes; then start another."""
        await ended(process.pid)
        del self._alive[process.pid]
        with contextlib.suppress(ValueError):
            self._idle.remove(process)
        await self._end(process)
        if not self._closing.is_set():
            await self._replace()

    async def _replace(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                await self._start_one()
            except (ModelError, OSError) as error:
                self._failure = error if isinstance(error, ModelError) else EngineDied(str(error))
                if not self._alive:
                    self._refuse_waiting(EngineDied(f"no engine process: {self._failure}"))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._failure = None
                return

    def _background(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """A task of the pool's own, which a cancelled caller does not take along."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report)
        return task


def _checked(process: EngineProcess, request: bytes, check: Callable[[Speech], None]) -> Speech:
    """Speak and check, in a thread: a check looks at every sample."""
    speech = process.exchange(request)
    check(speech)
    return speech


def _report(task: "asyncio.Task[Any]") -> None:
    """A piece's own error is for its caller, who may have gone; anything else is a fault of this module."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ModelError):
        task.get_loop().call_exception_handler({"message": "engine pool", "exception": error, "task": task})
