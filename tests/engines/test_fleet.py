"""Which engines share processes, and which come and go."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from models.engine import Piece, SpeakError, UnknownModel
from models.fleet import Fleet
from models.process import ended
from tests.kafka.processes import until

ODD, BATCH = "odd_engines:Odd", "batch_engines:BatchTone"
PLACED = "batch_engines:Placed"

StartFleet = Callable[..., Awaitable[Fleet]]


@pytest.fixture
async def start_fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartFleet]:
    """Starts fleets and closes them at the end of the test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    fleets: list[Fleet] = []

    async def start(*models: str, processes: int = 1, **how: Any) -> Fleet:
        fleets.append(Fleet(models, processes, **how))
        await fleets[-1].start()
        return fleets[-1]

    yield start
    for fleet in fleets:
        await fleet.close()


async def say(fleet: Fleet, model: str, text: str = "hello") -> float:
    return (await fleet.speak(model, Piece(text, "sine", 1.0, 0), 60)).seconds


def processes_of(model: str) -> list[psutil.Process]:
    """Children of this process that serve a model; other tests of the run may have some of their own."""
    return [child for child in psutil.Process().children() if any(model in word for word in _command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_engines_of_one_piece_share_and_a_batch_engine_has_its_own(start_fleet: StartFleet) -> None:
    fleet = await start_fleet("tone", BATCH, ODD, processes=2)
    assert len(fleet.pids) == 3
    assert [await say(fleet, model) for model in ("tone", "odd", "batch")] == [pytest.approx(1 / 3)] * 3
    assert (fleet.ahead("tone"), fleet.ahead("batch")) == (2, 4)
    with pytest.raises(UnknownModel, match="'nix' is not served; served: tone, batch, odd"):
        await say(fleet, "nix")


async def test_a_batch_engine_has_a_process_on_each_device(start_fleet: StartFleet) -> None:
    fleet = await start_fleet(PLACED, devices=["cuda:0", "cuda:1"], options={PLACED: {"device": "cuda:0"}})
    assert len(fleet.pids) == 2
    for _ in range(2):  # a successor is on the device of the one that has ended
        commands = sorted(" ".join(psutil.Process(pid).cmdline()) for pid in fleet.pids)
        assert ["cuda:0" in commands[0], "cuda:1" in commands[1]] == [True, True]
        dead = fleet.pids[0]
        os.kill(dead, signal.SIGKILL)
        await ended(dead)
        await until(lambda dead=dead: len(fleet.pids) == 2 and dead not in fleet.pids, "its successor")


async def test_a_model_that_cannot_speak_yet_is_told(start_fleet: StartFleet) -> None:
    fleet = Fleet([BATCH, "tone"], 1, on_demand=["tone"])
    assert fleet.trouble == "no engine process can speak batch: starting"
    await fleet.start()
    assert fleet.trouble is None
    await fleet.close()
    assert fleet.trouble


async def test_a_model_on_demand_comes_and_goes(start_fleet: StartFleet) -> None:
    fleet = await start_fleet("tone", BATCH, ODD, on_demand=[BATCH, ODD], idle_seconds=0.2)
    assert len(fleet.pids) == 1
    assert await say(fleet, "batch") > 0
    loaded = fleet.pids[1]
    assert fleet.trouble is None
    await until(lambda: len(fleet.pids) == 1, "its unloading")
    await until(lambda: not psutil.pid_exists(loaded), "the end of its process")
    assert await say(fleet, "odd") > 0
    assert await say(fleet, "batch") > 0


async def test_a_model_on_demand_that_cannot_be_loaded_fails_alone(start_fleet: StartFleet) -> None:
    fleet = await start_fleet("tone", "odd_engines:Broken", on_demand=["odd_engines:Broken"])
    with pytest.raises(SpeakError, match="cannot be loaded: OSError: the weights are gone"):
        await say(fleet, "odd")
    assert await say(fleet, "tone") > 0
    assert fleet.trouble is None


@pytest.mark.parametrize("how", ["late", "closed"])
async def test_a_model_on_demand_that_never_loads(start_fleet: StartFleet, how: str) -> None:
    slow = "odd_engines:Slow"
    fleet = await start_fleet(slow, on_demand=[slow], start_timeout=0.3 if how == "late" else 1000)
    waiting = asyncio.create_task(say(fleet, "odd"))
    if how == "closed":
        await until(lambda: processes_of(slow), "a process that loads")
        await fleet.close()
    with pytest.raises(SpeakError, match=r"not loaded within 0\.3 s|closed"):
        await waiting
    assert processes_of(slow) == []


async def test_memory_for_models_on_demand_is_bounded(start_fleet: StartFleet) -> None:
    fleet = await start_fleet(BATCH, ODD, on_demand=[BATCH, ODD], demand_bytes=1 << 62)
    assert [await say(fleet, model) > 0 for model in ("batch", "odd")] == [True, True]
    sizes = [psutil.Process(pid).memory_full_info().uss for pid in fleet.pids]
    assert len(sizes) == 2
    tight = await start_fleet(BATCH, ODD, on_demand=[BATCH, ODD], demand_bytes=round(1.5 * max(sizes)))
    for model in ("batch", "odd", "batch"):
        assert await say(tight, model) > 0
        assert len(tight.pids) == 1


async def test_nothing_at_all_is_loaded_if_all_is_on_demand(start_fleet: StartFleet) -> None:
    fleet = await start_fleet("tone", on_demand=["tone"])
    assert (fleet.pids, fleet.trouble) == ((), None)
    assert await say(fleet, "tone") > 0
