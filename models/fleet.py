"""All engines of a worker: which share processes, which have their own, and which are loaded on demand."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from models.engine import Engine, Piece, UnknownModel
from models.host import MOST_AHEAD, EnginePool
from models.observer import Observer
from models.on_demand import OnDemand
from models.plugins import Options, load_engine
from models.recognise.recogniser import Listening
from models.schedule import ANYBODY, Claim
from models.single import slots_of
from models.speaker import Check
from models.speech import Speech


class Fleet:
    """Pools of engine processes, by model. Use from one event loop.

    Engines that speak a piece at a time share `processes` processes, each with all of them. A batch engine has a
    process of its own, or, if it is made with a device, one for each of `devices`. The models in `on_demand` have a
    process of their own too, while they are loaded (models.on_demand, for `idle_seconds` and `demand_bytes` too).
    `memory_bytes`, `start_timeout`, `heartbeat_seconds`, `options`, `listening`, `observer`: as EnginePool
    says. Raises UnknownModel.
    """

    def __init__(
        self,
        models: Sequence[str],
        processes: int,
        *,
        devices: Sequence[str] = (),
        on_demand: Collection[str] = (),
        idle_seconds: float = 600.0,
        demand_bytes: int = 0,
        memory_bytes: int = 0,
        start_timeout: float = 120.0,
        heartbeat_seconds: float = 30.0,
        options: Options | None = None,
        listening: Listening | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._devices = devices
        self._options = options or {}
        self._common: dict[str, Any] = {
            "memory_bytes": memory_bytes,
            "start_timeout": start_timeout,
            "heartbeat_seconds": heartbeat_seconds,
            "options": options,
            "listening": listening,
            "observer": observer,
        }
        engines = {name: load_engine(name, options) for name in models}
        resident = {name: engine for name, engine in engines.items() if name not in on_demand}
        shared = [name for name, engine in resident.items() if slots_of(engine) is None]
        self._by_model: dict[str, EnginePool] = {}
        if shared:
            pool = EnginePool(shared, processes, **self._common)
            self._by_model |= {resident[name].name: pool for name in shared}
        for name, engine in resident.items():
            if name not in shared:
                self._by_model[engine.name] = self._own(name, engine)
        own = {engine.name: partial(self._own, name, engine) for name, engine in engines.items() if name in on_demand}
        self._on_demand = OnDemand(own, idle_seconds, demand_bytes)
        self._slots = {engine.name: slots_of(engine) or 1 for engine in engines.values()}

    @property
    def models(self) -> tuple[str, ...]:
        """The engines' names."""
        return tuple(self._slots)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of those that are ready to speak or speaking."""
        return tuple(pid for pool in [*self._resident, *self._on_demand.loaded] for pid in pool.pids)

    @property
    def processes(self) -> int:
        """How many processes there should be; fewer can speak while one is being replaced (`pids`)."""
        return sum(pool.processes for pool in [*self._resident, *self._on_demand.loaded])

    @property
    def in_hand(self) -> int:
        """How many pieces all processes are speaking."""
        return sum(pool.in_hand for pool in [*self._resident, *self._on_demand.loaded])

    @property
    def trouble(self) -> str | None:
        """Why a model that is to be loaded always cannot speak now, if so."""
        for model, pool in self._by_model.items():
            if not pool.pids:
                return f"no engine process can speak {model}: {pool.failure or 'starting'}"
        return None

    def ahead(self, model: str) -> int:
        """How many pieces of one text are worth asking for at once (EnginePool)."""
        pool = self._by_model.get(model)
        return pool.ahead(model) if pool is not None else min(self._slots.get(model, 1), MOST_AHEAD)

    async def start(self) -> None:
        """Start what is to be loaded always, and wait until each can speak. Raises ModelError (all is closed then)."""
        results = await asyncio.gather(*(pool.start() for pool in self._resident), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                await self.close()
                raise error

    async def speak(
        self,
        model: str,
        piece: Piece,
        timeout: float,  # noqa: ASYNC109 - as EnginePool.speak
        claim: Claim = ANYBODY,
        check: Check = lambda _: None,
    ) -> Speech:
        """Speak one piece, as EnginePool.speak. Raises SpeakError too for a model on demand that cannot be loaded."""
        if model in self._on_demand:
            async with self._on_demand.pool(model) as pool:
                return await pool.speak(model, piece, timeout, claim, check)
        if model not in self._by_model:
            raise UnknownModel(f"model {model!r} is not served; served: {', '.join(self._slots)}")
        return await self._by_model[model].speak(model, piece, timeout, claim, check)

    async def close(self) -> None:
        """End all processes; pieces being spoken or waiting end in SpeakError."""
        await asyncio.gather(self._on_demand.close(), *(pool.close() for pool in self._resident))

    @property
    def _resident(self) -> list[EnginePool]:
        return list(dict.fromkeys(self._by_model.values()))

    def _own(self, name: str, engine: Engine) -> EnginePool:
        """A pool for one model alone."""
        slots = slots_of(engine)
        movable = slots is not None and "device" in self._options.get(name, {})
        return EnginePool([name], devices=self._devices if movable else (), slots=slots or 1, **self._common)
