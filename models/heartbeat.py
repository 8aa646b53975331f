"""The heartbeat of an engine process: a byte now and then, on a pipe of its own, for as long as its interpreter runs.

A process that is frozen (stopped, or a library holds the interpreter for ever) falls silent, whether it was asked for
something or not. One that only never answers beats on: that is for the deadline of its piece.

Silence and deadlines count only time in which the supervisor itself ran. One that was stopped, or whose machine was
suspended, finds many seconds gone when it wakes up, and not by any fault of its processes.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

_LONGEST_STEP_SECONDS = 1.0
_BEATS_IN_LIMIT = 10
_PIPE_BYTES = 1 << 16


def step(limit: float) -> float:
    """Seconds between two beats, and between two looks for them, where `limit` seconds of silence are too many."""
    return min(_LONGEST_STEP_SECONDS, limit / _BEATS_IN_LIMIT)


def begin(fd: int, seconds: float) -> None:
    """In the engine process: write a byte to `fd` every so many seconds, from a thread, until nobody can read it."""
    os.set_inheritable(fd, False)
    os.set_blocking(fd, False)
    threading.Thread(target=_beat, args=(fd, seconds), name="heartbeat", daemon=True).start()


def _beat(fd: int, seconds: float) -> None:
    while True:
        try:
            os.write(fd, b".")
        except BlockingIOError:
            pass  # the pipe is full: whoever reads is stopped, and finds more than enough there later
        except OSError:
            return
        time.sleep(seconds)


class Pulse:
    """The supervisor's end. `theirs`: the end to be inherited; `close_theirs` once it was."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.pipe()
        os.set_blocking(self._ours, False)
        self._missed = 0

    def look(self) -> int:
        """Take the beats that have come; returns how many looks in a row have found none."""
        try:
            beats = os.read(self._ours, _PIPE_BYTES)
        except BlockingIOError:
            beats = b""
        self._missed = 0 if beats else self._missed + 1
        return self._missed

    def close_theirs(self) -> None:
        """The child has its copy, or will never be."""
        os.close(self.theirs)

    def close(self) -> None:
        """Nobody looks any more."""
        os.close(self._ours)


async def within(seconds: float, work: "asyncio.Future[_T]") -> _T:
    """The result of `work`; raises TimeoutError after so many seconds in which this process ran.

    A time in which it was stopped counts as one step of a second at most. `work` is given up then, or when the caller
    is cancelled.
    """
    over = asyncio.Event()
    countdown = Countdown(seconds, over.set)
    work.add_done_callback(lambda _: over.set())
    try:
        await over.wait()
        if not work.done():
            raise TimeoutError
        return work.result()
    finally:
        countdown.cancel()
        work.cancel()


class Countdown:
    """Calls `late` on the event loop after so many seconds in which this process ran, as `within` counts them.

    Without a task of its own: there is one for each piece that is being spoken.
    """

    def __init__(self, seconds: float, late: Callable[[], object]) -> None:
        self._left = seconds
        self._late = late
        self._timer = self._next_step()

    def cancel(self) -> None:
        """It is not needed any more."""
        self._timer.cancel()

    def _next_step(self) -> asyncio.TimerHandle:
        wait = max(0.0, min(self._left, _LONGEST_STEP_SECONDS))
        self._left -= wait
        return asyncio.get_running_loop().call_later(wait, self._step)

    def _step(self) -> None:
        if self._left > 0:
            self._timer = self._next_step()
        else:
            self._late()
