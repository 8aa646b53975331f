"""Models that come and go: with pools that start no process."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from models.engine import EngineDied, OutOfMemory, SpeakError
from models.on_demand import OnDemand


class Pool:
    """As `EnginePool`, as far as it is loaded and closed."""

    def __init__(self, name: str, house: "House") -> None:
        self.name = name
        self._house = house

    async def start(self) -> None:
        self._house.tries.append(self.name)
        await self._house.gate.wait()
        if fault := self._house.faults.get(self.name):
            raise fault
        self._house.loaded.append(self.name)

    async def close(self) -> None:
        await self._house.exit.wait()
        with contextlib.suppress(ValueError):
            self._house.loaded.remove(self.name)


class House:
    """Models of 10 bytes each, and what became of them."""

    def __init__(self) -> None:
        self.tries: list[str] = []
        self.loaded: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.gate, self.exit = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.exit.set()
        self.sizes: dict[str, int] = {}

    def models(self, *names: str, idle_seconds: float = 1000, memory: int = 0) -> OnDemand:
        return OnDemand(
            {name: lambda name=name: Pool(name, self) for name in names},  # type: ignore[misc]
            idle_seconds,
            memory,
            lambda pool: self.sizes.get(pool.name, 10),  # type: ignore[attr-defined]
        )


async def until(condition: Callable[[], object]) -> None:
    """Return once it holds; the test's own limit is the only one."""
    while not condition():  # noqa: ASYNC110 - it waits for timers and tasks of one loop
        await asyncio.sleep(0)


async def use(models: OnDemand, name: str) -> str:
    async with models.pool(name) as pool:
        return pool.name  # type: ignore[attr-defined, no-any-return]


@contextlib.asynccontextmanager
async def speaking(models: OnDemand, name: str):
    """Somebody who uses a model until the end of the block."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with models.pool(name):
            begun.set()
            await end.wait()

    task = asyncio.create_task(hold())
    await begun.wait()
    try:
        yield
    finally:
        end.set()
        await task


async def test_a_model_is_loaded_at_its_first_request_and_once():
    house = House()
    models = house.models("a", "b")
    assert house.loaded == []
    assert await asyncio.gather(*(use(models, "a") for _ in range(20))) == ["a"] * 20
    assert (house.tries, "a" in models, "x" in models) == (["a"], True, False)
    await models.close()
    assert house.loaded == []


async def test_a_model_is_unloaded_when_nobody_asks_for_it():
    house = House()
    models = house.models("a", "b", idle_seconds=0.01)
    async with speaking(models, "a"):
        await use(models, "b")
        await until(lambda: "b" not in house.loaded)
        assert house.loaded == ["a"], "it is in use"
    await until(lambda: not house.loaded)
    assert await use(models, "a") == "a"
    assert house.tries == ["a", "b", "a"]
    await models.close()


async def test_who_closes_waits_for_what_is_being_unloaded():
    house = House()
    models = house.models("a", idle_seconds=0.01)
    await use(models, "a")
    house.exit.clear()
    await until(lambda: not models.loaded)
    closing = asyncio.create_task(models.close())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not closing.done() and house.loaded == ["a"]
    house.exit.set()
    await closing
    assert house.loaded == []


async def test_the_one_that_was_idle_longest_makes_room():
    house = House()
    models = house.models("a", "b", "c", memory=20)
    for name in "aba":
        await use(models, name)
    await use(models, "c")
    assert sorted(house.loaded) == ["a", "c"]
    await models.close()


async def test_one_that_speaks_is_not_unloaded():
    house = House()
    models = house.models("a", "b", memory=10)
    async with speaking(models, "a"):
        waiting = asyncio.create_task(use(models, "b"))
        await until(lambda: "b" in house.tries)
        await until(lambda: house.loaded == ["a"])
        assert not waiting.done()
    assert await waiting == "b"
    assert house.loaded == ["b"]
    await models.close()


async def test_models_that_are_asked_for_all_the_time_take_turns():
    house = House()
    models = house.models("a", "b", memory=10)
    served: list[str] = []

    async def client(name: str) -> None:
        for _ in range(5):
            async with models.pool(name):
                served.append(name)
                await asyncio.sleep(0)

    await asyncio.gather(*(client(name) for name in "aaabbb"))
    assert sorted(served) == ["a"] * 15 + ["b"] * 15
    await models.close()


async def test_why_a_model_cannot_be_loaded_is_told_and_others_are():
    house = House()
    house.faults["a"] = EngineDied("the weights are gone")
    models = house.models("a", "b")
    results = await asyncio.gather(*(use(models, "a") for _ in range(3)), return_exceptions=True)
    assert [(type(result), str(result)) for result in results] == [(SpeakError, "the weights are gone")] * 3
    with pytest.raises(SpeakError, match="the weights are gone"):
        await use(models, "a")
    assert house.tries == ["a"], "who asks soon after is told without another try"
    assert await use(models, "b") == "b"
    await models.close()


async def test_one_that_is_larger_than_all_may_be_is_refused():
    house = House()
    house.sizes["a"] = 50 << 20
    models = house.models("a", "b", memory=20 << 20)
    with pytest.raises(OutOfMemory, match=r"'a' cannot be loaded: it takes 50 MiB, and all on demand may take 20 MiB"):
        await use(models, "a")
    assert house.loaded == []
    assert await use(models, "b") == "b"
    await models.close()


async def test_who_gives_up_waiting_holds_no_model():
    house = House()
    house.gate.clear()
    models = house.models("a", idle_seconds=0.01)
    waiting = [asyncio.create_task(use(models, "a")) for _ in range(3)]
    await until(lambda: house.tries)
    for task in waiting[:2]:
        task.cancel()
    house.gate.set()
    assert await waiting[2] == "a"
    await until(lambda: not house.loaded)
    await models.close()


@pytest.mark.parametrize("when", ["loading", "loaded"])
async def test_closing_leaves_nothing(when: str):
    house = House()
    models = house.models("a")
    if when == "loaded":
        await use(models, "a")
    else:
        house.gate.clear()
        waiting: Awaitable[str] = asyncio.create_task(use(models, "a"))
        await until(lambda: house.tries)
    await models.close()
    assert house.loaded == []
    if when == "loading":
        with pytest.raises(SpeakError, match="closed"):
            await waiting
