"""Memory does not grow with the number of pieces, on neither side of the pipes."""

import asyncio
import gc
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from models.engine import Piece
from models.host import EnginePool

StartPool = Callable[..., Awaitable[EnginePool]]

FIRST, ALL, AT_ONCE = 200, 2_000, 8
MOST_GROWTH = 1.05


def resident(*pids: int) -> list[int]:
    gc.collect()
    return [psutil.Process(pid).memory_info().rss for pid in pids]


@pytest.mark.parametrize(
    ("model", "name", "how"),
    [("tone", "tone", {}), ("batch_engines:BatchTone", "batch", {"slots": 4, "options": {"step_seconds": "0"}})],
    ids=["tone", "batch"],
)
async def test_memory_after_two_thousand_pieces(start_pool: StartPool, model: str, name: str, how: Any) -> None:
    if "options" in how:
        how = how | {"options": {model: how["options"]}}
    pool = await start_pool(model, **how)
    lengths = random.Random(7)
    pieces = [Piece("a " * lengths.randint(1, 30), "sine", 1.0, number) for number in range(ALL)]
    waiting = iter(pieces)

    async def client(count: int) -> None:
        for _ in range(count):
            assert (await pool.speak(name, next(waiting), 60)).seconds > 0

    processes = (os.getpid(), *pool.pids)
    await asyncio.gather(*(client(FIRST // AT_ONCE) for _ in range(AT_ONCE)))
    before = resident(*processes)
    await asyncio.gather(*(client((ALL - FIRST) // AT_ONCE) for _ in range(AT_ONCE)))
    after = resident(*processes)
    assert (os.getpid(), *pool.pids) == processes
    growth = [later / earlier for earlier, later in zip(before, after, strict=True)]
    assert max(growth) < MOST_GROWTH, growth
