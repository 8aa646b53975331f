"""How fast a voice is on this machine: one piece alone, and as many at once as its processes can speak."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from math import ceil

from models.choice import Choice
from models.engine import SpeakError
from models.fleet import Fleet
from models.single import slots_of
from models.speak import speak_text
from models.speech import Speech
from models.text import Chunk
from models.usage import Memory, cpu_seconds, memory

_ALONE_SHARE = 0.2
_LOOK_SECONDS = 0.02
_UNSPOKEN_ENDS_AT = 3
"""A voice that failed so often before it spoke anything is given up."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a voice did in so many processes. All times in seconds.

    `slots`: pieces that a process speaks at once. `pieces`, `audio_seconds`, `seconds`: spoken with all processes busy,
    and how long that took. `cpu_seconds`: of the engine processes meanwhile; None if one was replaced. `in_hand`:
    pieces that a process was speaking, on average. `failed`: pieces that were not, `failure` why the first was not.
    `alone`: from asking to having one piece, with nothing else to speak, in order of asking.
    """

    model: str
    voice: str
    processes: int
    slots: int
    load_seconds: float
    alone: tuple[float, ...]
    pieces: int
    audio_seconds: float
    seconds: float
    cpu_seconds: float | None
    in_hand: float
    memory: tuple[Memory, ...]
    failed: int = 0
    failure: str | None = None

    @property
    def speed(self) -> float:
        """Seconds of audio that come out in a second."""
        return self.audio_seconds / self.seconds

    @property
    def cpu_share(self) -> float | None:
        """CPU seconds for a second of audio."""
        return None if self.cpu_seconds is None else self.cpu_seconds / self.audio_seconds

    def alone_percentile(self, percent: float) -> float:
        """The nearest rank: a time that was really taken."""
        return sorted(self.alone)[max(0, ceil(len(self.alone) * percent / 100) - 1)]


async def measure(
    fleet: Fleet,
    choice: Choice,
    chunks: Sequence[Chunk],
    seconds: float,
    *,
    timeout: float = 60.0,  # noqa: ASYNC109 - of each piece, as in speak_text
    checked: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Start a fleet of this one model, let it speak for `seconds` and as long as the last pieces take, and close it.

    `chunks`: what is spoken, over and over with another seed each time, without pauses; the first is the one that is
    spoken alone. `tell`: told what is being done. Raises ModelError for a voice that cannot be loaded or cannot speak.
    """
    trial = _Trial(fleet, choice, chunks, timeout, checked)
    slots = slots_of(choice.engine) or 1
    try:
        tell("loading")
        began = time.monotonic()
        await fleet.start()
        loaded = time.monotonic() - began
        pids = fleet.pids
        tell("one piece at a time")
        alone = await trial.alone(seconds * _ALONE_SHARE)
        tell("all processes at once")
        # One more than it can speak: a process that is done finds the next at once.
        busy = await trial.together(len(pids) * (slots + 1), seconds * (1 - _ALONE_SHARE))
        return Figures(
            choice.model,
            choice.voice,
            len(pids),
            slots,
            loaded,
            tuple(alone),
            busy.pieces,
            busy.audio_seconds,
            busy.seconds,
            busy.cpu_seconds,
            busy.in_hand / len(pids),
            memory(fleet.pids),
            trial.failed,
            trial.failure,
        )
    finally:
        await fleet.close()


@dataclass(slots=True)
class _Busy:
    """Counted while all processes speak; as in Figures, but `in_hand` of all processes together."""

    pieces: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float | None = None
    in_hand: float = 0.0


class _Trial:
    """One voice, given pieces. `failed`, `failure`: as in Figures."""

    def __init__(self, fleet: Fleet, choice: Choice, chunks: Sequence[Chunk], timeout: float, checked: bool) -> None:
        self._fleet = fleet
        self._choice = choice
        self._chunks = [replace(chunk, pause_after_seconds=0.0) for chunk in chunks if chunk.voiced]
        self._timeout = timeout
        self._checked = checked
        self._numbers = count()
        self._spoken = False
        self.failed = 0
        self.failure: str | None = None

    async def alone(self, seconds: float) -> list[float]:
        """What one piece takes, for so many seconds and once at least. Raises SpeakError if none is spoken."""
        end = time.monotonic() + seconds
        took: list[float] = []
        while not took or time.monotonic() < end:
            began = time.monotonic()
            if await self._speak(self._chunks[0]) is not None:
                took.append(time.monotonic() - began)
        return took

    async def together(self, width: int, seconds: float) -> _Busy:
        """So many pieces asked for at once, new ones for so many seconds. Raises SpeakError if none is spoken."""
        busy, pids = _Busy(), self._fleet.pids
        before, began = cpu_seconds(pids), time.monotonic()
        async with self._looking(busy, began + seconds):
            await _all(self._ask(busy, began + seconds) for _ in range(width))
            busy.seconds = time.monotonic() - began
        if not busy.pieces:
            raise SpeakError(f"nothing was spoken: {self.failure}")
        if self._fleet.pids == pids:
            busy.cpu_seconds = cpu_seconds(pids) - before
        return busy

    async def _ask(self, busy: _Busy, end: float) -> None:
        """One piece after the other, one at least."""
        while True:
            speech = await self._speak(self._chunks[(busy.pieces + self.failed) % len(self._chunks)])
            if speech is not None:
                busy.pieces += 1
                busy.audio_seconds += speech.seconds
            if time.monotonic() >= end:
                return

    async def _speak(self, chunk: Chunk) -> Speech | None:
        """As a worker does, but once: what would be tried again is to be seen. None for a piece that failed.

        Raises SpeakError if nothing has been spoken yet, again and again.
        """
        seed, timeout, checked = next(self._numbers), self._timeout, self._checked
        spoken = speak_text(self._fleet, self._choice, [chunk], seed=seed, timeout=timeout, checked=checked)
        try:
            async with aclosing(spoken):
                speech = (await anext(spoken)).speech
        except SpeakError as error:
            self.failed += 1
            self.failure = self.failure or str(error)
            if self.failed >= _UNSPOKEN_ENDS_AT and not self._spoken:
                raise
            return None
        self._spoken = True
        return speech

    @asynccontextmanager
    async def _looking(self, busy: _Busy, end: float) -> AsyncIterator[None]:
        """Looks now and then until `end` how many pieces are being spoken; `in_hand` is the mean of it."""
        seen: list[int] = []

        async def look() -> None:
            while time.monotonic() < end:
                await asyncio.sleep(_LOOK_SECONDS)
                seen.append(self._fleet.in_hand)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        busy.in_hand = sum(seen) / len(seen) if seen else 0.0


async def _all(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once; of one that fails the error, and the others are given up."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
