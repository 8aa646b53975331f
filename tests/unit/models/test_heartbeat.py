"""Beats on a pipe, and time that counts only while this process runs."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import pytest

from models.heartbeat import Countdown, Pulse, begin, step, within


def test_looks_in_vain_are_counted_until_the_next_beat():
    pulse = Pulse()
    assert [pulse.look() for _ in range(3)] == [1, 2, 3]
    os.write(pulse.theirs, b"..")
    assert [pulse.look() for _ in range(3)] == [0, 1, 2]
    pulse.close_theirs()
    assert pulse.look() == 3
    pulse.close()


def test_beats_come_by_themselves_and_end_with_whoever_listens():
    pulse = Pulse()
    begin(pulse.theirs, 0.01)
    for _ in range(3):
        while pulse.look():
            time.sleep(0.01)
    (beating,) = [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
    pulse.close()
    beating.join(20)
    assert not beating.is_alive()
    pulse.close_theirs()


@pytest.mark.parametrize(("limit", "seconds"), [(30, 1), (10, 1), (1, 0.1)])
def test_ten_beats_at_least_in_a_limit(limit: float, seconds: float):
    assert step(limit) == seconds


async def test_work_is_waited_for_and_given_up_in_time():
    async def answer(what: str, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return what

    assert await within(20, asyncio.ensure_future(answer("done", 0))) == "done"
    late = asyncio.ensure_future(answer("late", 20))
    with pytest.raises(TimeoutError):
        await within(0.01, late)
    await asyncio.wait({late})
    assert late.cancelled()


async def test_an_error_is_passed_on():
    async def fail() -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        await within(20, asyncio.ensure_future(fail()))


def stop(seconds: float, then: Callable[[], object]) -> None:
    """Soon the loop's clock goes on by so many seconds in which nobody ran, and a little later `then` is called."""
    loop = asyncio.get_running_loop()
    clock = loop.time

    def wake() -> None:
        loop.time = lambda: clock() + seconds  # type: ignore[method-assign]
        loop.call_later(0.01, then)

    loop.call_soon(wake)


async def test_a_time_in_which_nobody_ran_counts_as_one_step():
    work = asyncio.get_running_loop().create_future()
    stop(60, lambda: work.set_result("spoken"))
    assert await within(30, work) == "spoken"


async def test_a_countdown_ends_once_unless_it_is_cancelled():
    ended: asyncio.Queue[str] = asyncio.Queue()
    cancelled = Countdown(0.01, lambda: ended.put_nowait("cancelled"))
    Countdown(0.02, lambda: ended.put_nowait("late"))
    cancelled.cancel()
    assert await ended.get() == "late"
    assert ended.empty()


async def test_a_countdown_takes_a_time_in_which_nobody_ran_for_one_step():
    over = asyncio.Event()
    countdown = Countdown(30, over.set)

    def spoken() -> None:
        countdown.cancel()
        late.append(over.is_set())
        over.set()

    late: list[bool] = []
    stop(60, spoken)
    await over.wait()
    assert late == [False]
