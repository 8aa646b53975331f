import asyncio
import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Awaitable, Callable

import psutil
import pytest

from models import wire
from models.engine import EngineDied, EngineTimeout, ModelError, OutOfMemory, Piece, SpeakError, UnknownModel
from models.host import EnginePool
from models.process import ended, served
from models.schedule import Claim
from models.serve import NICENESS
from models.speech import Speech
from tests.kafka.processes import until

ODD = "odd_engines:Odd"

StartPool = Callable[..., Awaitable[EnginePool]]


async def say(pool: EnginePool, text: str, seconds: float = 20) -> Speech:
    return await pool.speak("odd", Piece(text, "sine", 1.0, 0), seconds)


async def test_all_processes_speak_and_are_counted(start_pool: StartPool) -> None:
    pool = await start_pool(ODD, processes=2)
    assert pool.processes == len(pool.pids) == 2
    speeches = await asyncio.gather(*(say(pool, "x" * n) for n in range(20, 60)))
    assert [round(s.seconds * 15) for s in speeches] == list(range(20, 60))


async def test_it_is_told_when_each_piece_has_its_turn(start_pool: StartPool) -> None:
    pool, told = await start_pool(ODD), list[str]()

    async def speak(name: str) -> None:
        await pool.speak("odd", Piece(name, "sine", 1.0, 0), 20, Claim(begun=lambda: told.append(f"{name} begins")))
        told.append(f"{name} is spoken")

    await asyncio.gather(speak("one"), speak("two"))
    assert sorted(told) == ["one begins", "one is spoken", "two begins", "two is spoken"]
    assert (told[0], told[-1]) == ("one begins", "two is spoken")


async def test_what_was_spoken_goes_with_who_asked_for_it(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    await say(pool, "warm")
    gc.disable()  # samples that wait for it are much memory
    try:
        samples = weakref.ref((await say(pool, "hello")).samples)
        await until(lambda: samples() is None, "their end, without a look for cycles")
    finally:
        gc.enable()


async def test_who_hands_out_work_goes_before_who_does_it(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    assert psutil.Process(pool.pids[0]).nice() == min(psutil.Process().nice() + NICENESS, 19)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("die", EngineDied, "ended"),
        ("memory", OutOfMemory, "no room"),
        ("fail", SpeakError, "will not"),
        ("bug", SpeakError, "KeyError: 'oops'"),
        ("a\ud800", SpeakError, "encoded"),
    ],
)
async def test_errors_are_told_and_the_next_piece_is_spoken(
    start_pool: StartPool, text: str, error: type[ModelError], message: str
) -> None:
    pool = await start_pool(ODD)
    with pytest.raises(error, match=message):
        await say(pool, text)
    assert (await say(pool, "hello")).seconds > 0


async def test_what_an_engine_and_its_libraries_print_is_logged(
    start_pool: StartPool, caplog: pytest.LogCaptureFixture
) -> None:
    pool = await start_pool(ODD)
    await say(pool, "print")
    pid = pool.pids[0]
    await pool.close()
    said = {record.getMessage(): record for record in caplog.records if record.name == "engine"}
    assert list(said) == ["a library that talks", "and writes deeper"]
    assert {record.engine_pid for record in said.values()} == {pid}


async def test_a_process_that_hangs_is_replaced(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    before = pool.pids
    with pytest.raises(EngineTimeout, match=r"within 0\.2 s"):
        await say(pool, "hang", 0.2)
    assert (await say(pool, "hello")).seconds > 0
    assert pool.pids != before


async def test_a_process_killed_while_idle_is_replaced_unasked(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    os.kill(pool.pids[0], signal.SIGKILL)
    await ended(pool.pids[0])
    assert (await say(pool, "hello")).seconds > 0


async def test_a_cancelled_caller_does_not_mix_up_replies(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    speaking = asyncio.create_task(say(pool, "x" * 9_000))
    waiting = asyncio.create_task(say(pool, "x" * 60))
    await asyncio.sleep(0)
    speaking.cancel()
    waiting.cancel()
    await asyncio.gather(speaking, waiting, return_exceptions=True)
    assert speaking.cancelled()
    assert waiting.cancelled()
    assert (await say(pool, "x" * 30)).seconds == pytest.approx(2)


async def test_what_libraries_print_does_not_harm(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    assert (await say(pool, "print")).seconds > 0
    assert (await say(pool, "hello")).seconds > 0


async def test_an_engine_that_cannot_load_fails_the_start() -> None:
    with pytest.raises(UnknownModel, match=r"'nix' is not installed; installed: .*espeak"):
        await EnginePool(["nix"], 1).start()


async def test_why_an_engine_did_not_load_is_told(start_pool: StartPool) -> None:
    with pytest.raises(SpeakError, match=r"'odd_engines:Broken' cannot be loaded: OSError: the weights are gone"):
        await start_pool("odd_engines:Broken")
    with pytest.raises(EngineDied, match=r"not loaded within 0\.3 s"):
        await start_pool("odd_engines:Slow", start_timeout=0.3)


async def test_closing_waits_for_those_that_are_being_started(start_pool: StartPool) -> None:
    await (await start_pool(ODD)).close()  # the fixture says where engines of tests are
    pool, before = EnginePool(["odd_engines:Slow"], 2), set(psutil.Process().children())
    starting = asyncio.create_task(pool.start())
    await until(lambda: len(set(psutil.Process().children()) - before) == 2, "two processes")
    await pool.close()
    assert set(psutil.Process().children()) <= before, "all are buried"
    with pytest.raises(EngineDied):
        await starting


async def test_a_model_that_is_not_served(start_pool: StartPool) -> None:
    pool = await start_pool("tone", ODD)
    with pytest.raises(UnknownModel, match="'nix' is not served; served: tone, odd"):
        await pool.speak("nix", Piece("a", "sine", 1.0, 0), 20)


async def test_closing_ends_pieces_and_processes(start_pool: StartPool) -> None:
    pool = await start_pool(ODD)
    pids = pool.pids
    pieces = [asyncio.create_task(say(pool, text)) for text in ("hang", "hello")]
    await asyncio.sleep(0)
    await pool.close()
    assert [type(e) for e in await asyncio.gather(*pieces, return_exceptions=True)] == [EngineDied, EngineDied]
    assert not any(map(psutil.pid_exists, pids))
    with pytest.raises(EngineDied):
        await say(pool, "hello")


def engine_process(*models: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "models.serve", served(models)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_an_engine_process_ends_with_its_input_and_not_by_a_terminals_signals() -> None:
    with engine_process("tone") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert wire.read(process.stdout.fileno())[0] == {"ready": True}
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        wire.write(process.stdin.fileno(), wire.request(7, "tone", Piece("hello", "sine", 1.0, 0)))
        header, samples = wire.read(process.stdout.fileno())
        assert (header, len(samples)) == ({"id": 7, "rate": 24_000}, 8_000)
        process.stdin.close()
        assert process.wait(10) == 0


def _runs(process: psutil.Process) -> bool:
    # Where nobody collects orphans their entries stay.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_nothing_outlives_a_killed_engine_process() -> None:
    with engine_process("espeak") as process:
        assert process.stdout is not None
        wire.read(process.stdout.fileno())
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.kill()
        psutil.wait_procs(children, 2)
        assert not any(map(_runs, children))


async def test_memory_beyond_the_limit_is_out_of_memory(start_pool: StartPool) -> None:
    pool = await start_pool("tone", memory_bytes=300 << 20)
    with pytest.raises(OutOfMemory):
        await pool.speak("tone", Piece("x" * 60_000, "sine", 1.0, 0), 20)
    assert (await pool.speak("tone", Piece("hello", "sine", 1.0, 0), 20)).seconds > 0
