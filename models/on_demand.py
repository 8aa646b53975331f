"""Models that are loaded at their first request, and unloaded when nobody has asked for them for long.

A model that speaks is never unloaded. Where memory is short the one that has been idle longest goes first; if all are
speaking, the one that was loaded first takes nothing new, and goes when it has spoken what it has in hand. Those who
wait for a model are let in together once it is loaded, so that models take turns and none is kept out for ever.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

from models.engine import ModelError, OutOfMemory, SpeakError
from models.host import EnginePool

log = logging.getLogger(__name__)

_MEBIBYTE = 1 << 20
_PAUSE_SECONDS = 5.0
"""After a model could not be loaded, who asks for it is told so without another try."""


def private_bytes(pool: EnginePool) -> int:
    """What its processes, and those below them, have for themselves."""
    total = 0
    for pid in pool.pids:
        try:
            root = psutil.Process(pid)
            total += sum(process.memory_full_info().uss for process in [root, *root.children(recursive=True)])
        except psutil.NoSuchProcess:
            continue
    return total


@dataclass(eq=False, slots=True)
class _Model:
    """`pool`: while it is loaded. `leaving`: it is to be unloaded as soon as its `users` are done.

    `size`: bytes of private memory when last looked at. `failed_at`, `failure`: the last try to load it, if it failed.
    """

    name: str
    make: Callable[[], EnginePool]
    pool: EnginePool | None = None
    leaving: bool = False
    users: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)
    loading: bool = False
    idle: asyncio.TimerHandle | None = None
    loaded_at: float = 0.0
    used_at: float = 0.0
    size: int = 0
    failure: ModelError | None = None
    failed_at: float = 0.0


class OnDemand:
    """Pools that come and go. Use from one event loop.

    `pools`: makes the pool of a model, not started. `idle_seconds`: after which a model that nobody asked for is
    unloaded. `memory_bytes`: private memory of all their processes together, 0 for no limit; while a model is being
    loaded, and by what a model takes more while it speaks, it may be passed. `measure`: what a pool takes, blocking.
    """

    def __init__(
        self,
        pools: Mapping[str, Callable[[], EnginePool]],
        idle_seconds: float,
        memory_bytes: int,
        measure: Callable[[EnginePool], int] = private_bytes,
    ) -> None:
        self._models = {name: _Model(name, make) for name, make in pools.items()}
        self._idle_seconds = idle_seconds
        self._memory_bytes = memory_bytes
        self._measure = measure
        self._lock = asyncio.Lock()  # one is loaded or unloaded at a time, in the order of asking
        self._freed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Future[None]] = set()

    def __contains__(self, model: str) -> bool:
        """Whether it is one of these."""
        return model in self._models

    @property
    def loaded(self) -> list[EnginePool]:
        """Pools of the models that are loaded."""
        return [model.pool for model in self._models.values() if model.pool is not None]

    @asynccontextmanager
    async def pool(self, name: str) -> AsyncIterator[EnginePool]:
        """The pool of a model, which is loaded if it is not, and stays so inside the block.

        Raises SpeakError (OutOfMemory among it) that tells why it cannot be loaded.
        """
        model = self._models[name]
        pool = await self._enter(model)
        try:
            yield pool
        finally:
            self._leave(model)

    async def close(self) -> None:
        """Unload all; who waits for a model is told that it is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for model in self._models.values():
            self._refuse(model, SpeakError("the engines are being closed"))
            if model.pool is not None:
                await self._unload(model)
        await asyncio.gather(*self._ending)

    # -- who uses a model -----------------------------------------------------------------------------------------

    async def _enter(self, model: _Model) -> EnginePool:
        loop = asyncio.get_running_loop()
        if model.failure is not None and loop.time() < model.failed_at + _PAUSE_SECONDS:
            raise type(model.failure)(str(model.failure))
        if model.pool is None or model.leaving:
            turn: asyncio.Future[None] = loop.create_future()
            model.waiting.append(turn)
            if not model.loading:
                model.loading = True
                self._background(self._load(model))
            try:
                await turn
            except asyncio.CancelledError:
                # Cancelled between being let in and waking up.
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._leave(model)
                raise
        else:
            self._count_in(model)
        if model.pool is None:
            raise SpeakError("the engines are being closed")
        return model.pool

    def _count_in(self, model: _Model) -> None:
        model.users += 1
        if model.idle is not None:
            model.idle.cancel()
            model.idle = None

    def _leave(self, model: _Model) -> None:
        model.users -= 1
        if not model.users:
            self._begin_idling(model)
            self._freed.set()

    def _begin_idling(self, model: _Model) -> None:
        loop = asyncio.get_running_loop()
        model.used_at = loop.time()
        model.idle = loop.call_later(self._idle_seconds, self._has_idled, model)

    def _has_idled(self, model: _Model) -> None:
        model.idle = None
        self._background(self._unload_idle(model))

    def _let_in(self, model: _Model) -> None:
        """All who wait for a model that is loaded."""
        while model.waiting:
            turn = model.waiting.popleft()
            if not turn.done():
                self._count_in(model)
                turn.set_result(None)
        if not model.users:  # all have gone meanwhile
            self._begin_idling(model)

    def _refuse(self, model: _Model, error: ModelError) -> None:
        while model.waiting:
            turn = model.waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    # -- loading and unloading ------------------------------------------------------------------------------------

    async def _load(self, model: _Model) -> None:
        try:
            async with self._lock:
                if model.pool is None:
                    model.pool = await self._started(model)
                model.leaving = False
        except (ModelError, OSError) as error:
            kind = OutOfMemory if isinstance(error, OutOfMemory) else SpeakError
            model.failure, model.failed_at = kind(str(error)), asyncio.get_running_loop().time()
            log.warning("model %s could not be loaded: %s", model.name, error)
            self._refuse(model, model.failure)
        else:
            model.failure = None
            self._let_in(model)
        finally:
            model.loading = False

    async def _started(self, model: _Model) -> EnginePool:
        """A pool that can speak, with the others within the limit of memory. Raises ModelError."""
        while True:
            await self._make_room(model)
            pool = model.make()
            await pool.start()
            try:
                model.size = await asyncio.to_thread(self._measure, pool)
                while (over := await self._over(model)) and (idle := self._longest_idle()):
                    await self._unload(idle)
            except BaseException:
                await self._end(pool)
                raise
            if not over:
                log.info("model %s is loaded: %d MiB", model.name, model.size / _MEBIBYTE)
                model.loaded_at = asyncio.get_running_loop().time()
                return pool
            await self._end(pool)  # it is larger than was known, and those who are loaded speak

    async def _make_room(self, model: _Model) -> None:
        """Wait until a model as large as this one last was fits. Raises OutOfMemory if it never will."""
        if self._memory_bytes and model.size > self._memory_bytes:
            sizes = f"{model.size / _MEBIBYTE:.0f} MiB, and all on demand may take {self._memory_bytes / _MEBIBYTE:.0f}"
            model.size = 0  # another time it may be smaller
            raise OutOfMemory(f"model {model.name!r} cannot be loaded: it takes {sizes} MiB")
        while await self._over(model):
            if idle := self._longest_idle():
                await self._unload(idle)
                continue
            loaded = [other for other in self._models.values() if other.pool is not None]
            min(loaded, key=lambda other: other.loaded_at).leaving = True
            self._freed.clear()
            await self._freed.wait()

    async def _over(self, model: _Model) -> bool:
        """Whether the model, and those that are loaded, take more than they may."""
        if not self._memory_bytes:
            return False
        for other in self._models.values():
            if other.pool is not None:
                other.size = await asyncio.to_thread(self._measure, other.pool)
        others = sum(other.size for other in self._models.values() if other.pool is not None)
        return others + model.size > self._memory_bytes

    def _longest_idle(self) -> _Model | None:
        idle = [model for model in self._models.values() if model.pool is not None and not model.users]
        return min(idle, key=lambda model: model.used_at, default=None)

    async def _unload_idle(self, model: _Model) -> None:
        async with self._lock:
            if model.pool is not None and not model.users and model.idle is None:
                await self._unload(model)

    async def _unload(self, model: _Model) -> None:
        pool, model.pool, model.leaving = model.pool, None, False
        if model.idle is not None:
            model.idle.cancel()
            model.idle = None
        if pool is not None:
            await self._end(pool)
            log.info("model %s is unloaded", model.name)

    async def _end(self, pool: EnginePool) -> None:
        """Close a pool, whatever becomes of who waits for it; `close` waits for all."""
        ending = asyncio.ensure_future(pool.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.shield(ending)

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
