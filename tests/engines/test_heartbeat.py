"""Engine processes that freeze are replaced, speaking or not; a stopped supervisor holds nothing against them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from models.engine import EngineDied, EngineTimeout, Piece
from models.host import EnginePool
from models.process import EngineProcess, Recipe, ended
from models.registry import Registry
from models.speak import plan, speak_text
from models.speech import Speech

ODD = "odd_engines:Odd"
LIMIT_SECONDS = 1.5
"""Short for a test, and long for a process that only has to wait for a processor."""

GENEROUS_SECONDS = 60.0

StartPool = Callable[..., Awaitable[EnginePool]]


async def say(pool: EnginePool, text: str, seconds: float = GENEROUS_SECONDS) -> Speech:
    return await pool.speak("odd", Piece(text, "sine", 1.0, 0), seconds)


async def whole(pool: EnginePool, text: str, tries: int) -> Speech:
    choice = Registry([ODD]).resolve(text)
    parts = [spoken.speech async for spoken in speak_text(pool, choice, plan(choice), tries=tries)]
    return Speech(np.concatenate([part.samples for part in parts]), parts[0].rate)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_process_frozen_while_idle_is_replaced_unasked(start_pool: StartPool) -> None:
    pool = await start_pool(ODD, processes=2, heartbeat_seconds=LIMIT_SECONDS)
    frozen = pool.pids[0]
    os.kill(frozen, signal.SIGSTOP)
    async with asyncio.timeout(GENEROUS_SECONDS):
        await ended(frozen)
    speeches = await asyncio.gather(*(say(pool, "x" * 30) for _ in range(8)))
    assert [speech.seconds for speech in speeches] == [pytest.approx(2)] * 8
    assert frozen not in pool.pids


@pytest.mark.parametrize("how", ["freeze", "hold"])
async def test_who_freezes_over_a_piece_is_told(start_pool: StartPool, how: str) -> None:
    pool = await start_pool(ODD, heartbeat_seconds=LIMIT_SECONDS)
    before = pool.pids
    with pytest.raises(EngineDied, match=rf"{before[0]} gave no sign of life for 1\.5 s"):
        await say(pool, how)
    assert (await say(pool, "hello")).seconds > 0
    assert pool.pids != before


async def test_the_first_reason_stays_though_it_is_killed_again() -> None:
    process = await EngineProcess.start(Recipe(("tone",)), LIMIT_SECONDS)
    try:
        await asyncio.to_thread(process.wait_ready)
        process.kill("gave no sign of life")
        process.kill()
        with pytest.raises(EngineDied, match=f"{process.pid} gave no sign of life"):
            await asyncio.to_thread(process.read)
    finally:
        process.kill()
        await asyncio.to_thread(process.bury)


async def test_a_piece_whose_process_froze_is_spoken_by_another(start_pool: StartPool, tmp_path: Path) -> None:
    pool = await start_pool(ODD, processes=2, heartbeat_seconds=LIMIT_SECONDS)
    text = f"frozen {tmp_path / 'once'}"
    speech = await whole(pool, text, tries=2)
    assert (tmp_path / "once").exists()
    again = await whole(pool, text, tries=1)
    assert np.array_equal(speech.samples, again.samples)


async def test_who_only_never_answers_beats_on_until_its_deadline(start_pool: StartPool) -> None:
    pool = await start_pool(ODD, heartbeat_seconds=LIMIT_SECONDS)
    with pytest.raises(EngineTimeout, match="did not answer"):
        await say(pool, "hang", 2 * LIMIT_SECONDS)


async def test_frozen_processes_leave_no_descriptor_behind(start_pool: StartPool) -> None:
    await (await start_pool(ODD)).close()  # what is opened once and for all is open now
    before = descriptors()
    pool = await start_pool(ODD, processes=2, heartbeat_seconds=LIMIT_SECONDS)
    for _ in range(2):
        with pytest.raises(EngineDied):
            await say(pool, "freeze")
    await pool.close()
    assert descriptors() == before


async def test_closing_does_not_wait_for_a_frozen_process(start_pool: StartPool) -> None:
    pool = await start_pool(ODD, heartbeat_seconds=1000)
    frozen = asyncio.create_task(say(pool, "freeze"))
    await asyncio.sleep(0)
    async with asyncio.timeout(GENEROUS_SECONDS):
        await pool.close()
    with pytest.raises(EngineDied):
        await frozen


def test_a_stopped_supervisor_kills_nobody_when_it_wakes_up() -> None:
    limit = 4.0
    command = [sys.executable, str(Path(__file__).parent / "supervisor.py"), str(limit)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        try:
            before = supervisor.stdout.readline().split()
            engines = [int(pid) for pid in before]
            # The times themselves are what is tested here. Within the limit the supervisor sees that nobody beats, both
            # before it is stopped and after: what lies between is for nobody to answer for.
            for pid, number, seconds in [
                *((pid, signal.SIGSTOP, limit / 8) for pid in engines),
                (supervisor.pid, signal.SIGSTOP, 1.5 * limit),
                (supervisor.pid, signal.SIGCONT, limit / 4),
                *((pid, signal.SIGCONT, 0) for pid in engines),
            ]:
                os.kill(pid, number)
                time.sleep(seconds)
            supervisor.stdin.write("\n")
            supervisor.stdin.flush()
            assert supervisor.stdout.readline().split() == before
            supervisor.stdin.close()
            assert supervisor.wait(GENEROUS_SECONDS) == 0
        finally:
            supervisor.kill()
