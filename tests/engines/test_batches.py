"""Several pieces at once in one process: what one of them does is not for the others to pay for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from models.check import check
from models.engine import AudioRejected, EngineDied, EngineTimeout, ModelError, OutOfMemory, Piece, SpeakError
from models.host import EnginePool
from models.registry import Registry
from models.schedule import Claim
from models.speak import plan, speak_text
from models.speech import Speech
from streams.metrics.worker import WorkerMetrics
from tests.kafka.processes import until

BATCH = "batch_engines:BatchTone"
LIMIT_SECONDS = 1.5
GENEROUS_SECONDS = 120.0

StartPool = Callable[..., Awaitable[EnginePool]]


class Hall:
    """A pool of a batch engine, and what its engine has noted."""

    def __init__(self, start_pool: StartPool, folder: Path) -> None:
        self._start = start_pool
        self._folder = folder
        self._log = folder / "log"
        self.slots = 4

    async def open(self, **how: Any) -> None:
        options = {BATCH: {"log": str(self._log), "slots": str(self.slots)}}
        self.pool = await self._start(BATCH, slots=self.slots, options=options, **how)

    def file(self, name: str) -> Path:
        return self._folder / name

    def say(self, text: str, seconds: float = GENEROUS_SECONDS) -> "asyncio.Task[Speech]":
        def whole(speech: Speech) -> None:
            check(speech, text, 1.0, len(text) / 15, 24_000)

        return asyncio.create_task(self.pool.speak("batch", Piece(text, "sine", 1.0, 0), seconds, check=whole))

    def noted(self) -> list[str]:
        """What began, after how many there were then, and what was dropped; without the test sentence."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in lines if "One, two, three." not in line]

    async def began(self, count: int) -> None:
        await until(lambda: len(self.noted()) >= count, f"the beginning of {count} pieces")


@pytest.fixture
def hall(start_pool: StartPool, tmp_path: Path) -> Hall:
    return Hall(start_pool, tmp_path)


async def test_pieces_are_spoken_at_once_and_end_in_any_order(hall: Hall) -> None:
    metrics = WorkerMetrics()
    await hall.open(observer=metrics)
    holds = [hall.say(f"hold {hall.file(str(n))}") for n in range(4)]
    await hall.began(4)
    fifth = hall.say("a word more")
    hall.file("2").touch()
    assert (await holds[2]).seconds > 0
    assert (await fifth).seconds == pytest.approx(len("a word more") / 15)
    assert not any(hold.done() for hold in (holds[0], holds[1], holds[3]))
    assert metrics.value("loa_engine_batch_pieces_sum", model="batch") == 3 + 4
    for name in "013":
        hall.file(name).touch()
    await asyncio.gather(*holds)
    assert [line[0] for line in hall.noted()] == ["1", "2", "3", "4", "4"]


async def test_one_alone_is_begun_at_once(hall: Hall) -> None:
    await hall.open()
    assert (await hall.say("alone")).seconds > 0
    assert hall.noted() == ["1 alone"]


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("die", EngineDied, "ended"),
        ("break", SpeakError, "RuntimeError: a device that is lost"),
        ("burst", OutOfMemory, "no room"),
        ("freeze", EngineDied, "no sign of life"),
        ("hang", EngineTimeout, "did not answer within 1 s"),
    ],
)
async def test_only_the_guilty_one_fails(hall: Hall, what: str, error: type[ModelError], message: str) -> None:
    await hall.open(heartbeat_seconds=LIMIT_SECONDS)
    holds = [hall.say(f"hold {hall.file('go')}") for _ in range(3)]
    await hall.began(3)
    hall.file("now").touch()
    text = f"{what} {hall.file('now')}"
    guilty = hall.say(text, 1 if what == "hang" else GENEROUS_SECONDS)
    await hall.began(4)
    hall.file("go").touch()
    with pytest.raises(error, match=message):
        await guilty
    assert [speech.seconds > 0 for speech in await asyncio.gather(*holds)] == [True] * 3
    first, *_, last = (line for line in hall.noted() if text in line)
    assert (first, last) == (f"4 {text}", f"1 {text}"), "it was alone in the end"


async def test_the_company_of_the_guilty_is_halved(hall: Hall) -> None:
    hall.slots = 8
    await hall.open()
    holds = [hall.say(f"hold {hall.file('go')}") for _ in range(7)]
    guilty = hall.say(f"die {hall.file('go')}")
    await hall.began(8)
    hall.file("go").touch()
    await asyncio.gather(*holds)
    with pytest.raises(EngineDied):
        await guilty
    companies = [int(line[0]) for line in hall.noted() if "die" in line]
    assert companies[0] == 8
    assert companies[-1] == 1
    assert len(companies) <= 4
    assert max(int(line[0]) for line in hall.noted()[8:]) <= 4


async def test_who_was_guilty_once_harms_nobody_again(hall: Hall) -> None:
    await hall.open()
    hall.file("go").touch()
    text = f"die {hall.file('go')}"
    with pytest.raises(EngineDied):
        await hall.say(text)
    holds = [hall.say(f"hold {hall.file('later')}") for _ in range(2)]
    await hall.began(3)
    again = hall.say(text)
    hall.file("later").touch()
    await asyncio.gather(*holds)
    with pytest.raises(EngineDied):
        await again
    assert hall.noted()[-1].startswith("1 die")
    assert sum("later" in line for line in hall.noted()) == 2, "none of the others was spoken twice"


async def test_tries_are_of_the_guilty_alone(hall: Hall) -> None:
    await hall.open()
    choice = Registry([BATCH]).resolve("hold " + str(hall.file("go")))
    held = [asyncio.create_task(_whole(hall.pool, choice)) for _ in range(3)]
    guilty = hall.say(f"die {hall.file('go')}")
    await hall.began(4)
    hall.file("go").touch()
    with pytest.raises(EngineDied):
        await guilty
    assert await asyncio.gather(*held) == [1, 1, 1], "they had one try each"


async def _whole(pool: EnginePool, choice: Any) -> int:
    return len([spoken async for spoken in speak_text(pool, choice, plan(choice), tries=1)])


async def test_a_late_piece_is_dropped_and_the_others_go_on(hall: Hall) -> None:
    await hall.open()
    pids = hall.pool.pids
    hold = hall.say(f"hold {hall.file('go')}")
    with pytest.raises(EngineTimeout, match=r"within 0\.3 s"):
        await hall.say("late", 0.3)
    assert "dropped late" in hall.noted()
    hall.file("go").touch()
    assert (await hold).seconds > 0
    assert hall.pool.pids == pids


async def test_what_nobody_waits_for_is_not_spoken_on(hall: Hall) -> None:
    await hall.open()
    pieces = [hall.say("late") for _ in range(4)]
    await hall.began(4)
    for piece in pieces:
        piece.cancel()
    assert (await hall.say("hello")).seconds > 0
    await until(lambda: hall.noted().count("dropped late") == 4, "the end of what nobody waits for")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [("fail", SpeakError, "will not"), ("huge", OutOfMemory, "alone"), ("silent as can be", AudioRejected, "silence")],
)
async def test_an_error_of_a_piece_is_its_own(hall: Hall, text: str, error: type[ModelError], message: str) -> None:
    await hall.open()
    pids = hall.pool.pids
    hold = hall.say(f"hold {hall.file('go')}")
    for _ in range(2):
        with pytest.raises(error, match=message):
            await hall.say(text)
    hall.file("go").touch()
    assert (await hold).seconds > 0
    assert hall.pool.pids == pids


async def test_an_engine_that_lies_about_two_pieces_is_replaced(hall: Hall) -> None:
    metrics = WorkerMetrics()
    await hall.open(observer=metrics)
    pids = hall.pool.pids
    hold = hall.say(f"hold {hall.file('go')}")
    await hall.began(1)
    for text in ("silent as the moon", "silent as the sea"):
        with pytest.raises(AudioRejected):
            await hall.say(text)
    hall.file("go").touch()
    assert (await hold).seconds > 0
    assert hall.pool.pids != pids
    assert metrics.value("loa_gate_rejections_total", model="batch", criterion="silence") == 2
    assert metrics.value("loa_engine_restarts_total", models=BATCH) == 1
    assert metrics.value("loa_engine_piece_seconds_count", model="batch") == 1


async def test_one_that_does_not_fit_waits_and_is_not_passed_for_ever(hall: Hall) -> None:
    await hall.open()
    hold = hall.say(f"hold {hall.file('go')}")
    await hall.began(1)
    big = hall.say("big as a house")
    await until(lambda: "no room for big as a house" in hall.noted(), "that it does not fit")
    small = [hall.say(f"small {n}") for n in range(6)]
    await asyncio.sleep(0)
    hall.file("go").touch()
    await asyncio.gather(hold, big, *small)
    began = [line for line in hall.noted() if not line.startswith("no room")]
    assert began[1] == "1 big as a house", "those who came later did not go before"


async def test_tenants_take_turns_for_the_slots(hall: Hall) -> None:
    await hall.open()
    holds = [hall.say(f"hold {hall.file('go')}") for _ in range(4)]
    await hall.began(4)

    def ask(text: str, tenant: str) -> "asyncio.Task[Speech]":
        piece = Piece(text, "sine", 1.0, 0)
        return asyncio.create_task(hall.pool.speak("batch", piece, GENEROUS_SECONDS, Claim(tenant)))

    flood = [ask(f"flood {n}", "flood") for n in range(12)]
    single = ask("single", "small")
    await asyncio.sleep(0)
    hall.file("go").touch()
    await asyncio.gather(*holds, *flood, single)
    began = [line[2:] for line in hall.noted()[4:]]
    assert began.index("single") <= 1


async def test_closing_ends_what_is_in_hand(hall: Hall) -> None:
    await hall.open()
    pieces = [hall.say("late") for _ in range(6)]
    await hall.began(4)
    await hall.pool.close()
    ends = await asyncio.gather(*pieces, return_exceptions=True)
    assert [type(end) for end in ends] == [EngineDied] * 6
