"""An engine process that can speak, and the pieces that it has in hand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models import wire
from models.engine import EngineDied, ModelError, Piece
from models.heartbeat import Countdown
from models.process import EngineProcess
from models.schedule import Claim
from models.speech import Samples, Speech

Check = Callable[[Speech], None]
What = tuple[str, Piece]
"""A piece and the model that is to speak it."""

Tell = Callable[[dict[str, Any], Speech | Exception | None], object]
"""A reply's header, and the speech or error that it brings."""


@dataclass(eq=False, slots=True)
class Asked:
    """A piece that somebody waits for. `seconds`: that a process may take for it. `company`: see `models.admission`.
    `claim`: on whose behalf.

    `countdown`: until the process that has it in hand is late with it. `late`: what to say if it is dropped for that.
    `begun`: when that process was given it, as the loop counts, and `together` with how many, itself included.
    """

    key: int
    what: What
    frame: bytes
    seconds: float
    check: Check
    result: "asyncio.Future[Speech]"
    claim: Claim
    company: int | None = None
    countdown: Countdown | None = None
    late: ModelError | None = None
    begun: float = 0.0
    together: int = 1

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.result.done()

    def leave(self) -> None:
        """The process that has it in hand is done with it."""
        if self.countdown is not None:
            self.countdown.cancel()
            self.countdown = None  # it knows the piece: the samples would wait for the garbage collector

    def end(self, outcome: Speech | BaseException) -> None:
        """Tell whoever waits."""
        if self.result.done():
            return
        if isinstance(outcome, BaseException):
            self.result.set_exception(outcome)
        else:
            self.result.set_result(outcome)


@dataclass(eq=False, slots=True)
class Speaker:
    """A process with its `slots`. `full`: it has said that the next piece does not fit beside what it has in hand.

    `rejected`: what it delivered, since it last delivered speech, that was none.
    """

    process: EngineProcess
    slots: int
    held: dict[int, Asked] = field(default_factory=dict)
    full: bool = False
    rejected: set[What] = field(default_factory=set)

    @property
    def has_room(self) -> bool:
        """Whether it may be given a piece."""
        return not self.full and len(self.held) < self.slots

    @property
    def suspect(self) -> bool:
        """Whether what it has in hand is under suspicion of having ended another process."""
        return any(asked.company is not None for asked in self.held.values())

    def begin(self, asked: Asked, late: Callable[[], object]) -> None:
        """Give it a piece. `late` is called when it has had it for longer than it may."""
        loop = asyncio.get_running_loop()
        asked.begun, asked.late = loop.time(), None
        asked.countdown = Countdown(asked.seconds, late)
        self.held[asked.key] = asked
        asked.together = len(self.held)
        self.process.send(asked.frame)
        loop.call_soon(asked.claim.begun)  # whatever comes of it is not the pool's trouble

    def drop(self, asked: Asked) -> None:
        """Tell it that nobody waits any more; it answers, unless it is done with the piece."""
        if asked.key in self.held:
            self.process.send(wire.dropped(asked.key))

    def take(self, key: int) -> Asked | None:
        """The piece of a reply, which it has in hand no more; None if it was taken away before."""
        asked = self.held.pop(key, None)
        if asked is not None:
            self.full = False
            asked.leave()
        return asked

    def take_all(self) -> list[Asked]:
        """All that it had in hand when it ended."""
        held = list(self.held.values())
        self.held.clear()
        for asked in held:
            asked.leave()
        return held


def listen(speaker: Speaker, tell: Tell) -> None:
    """Pass replies on until the process ends. Blocking: in a thread, where a check may look at every sample."""
    while _passed_on(speaker, tell):
        pass


def _passed_on(speaker: Speaker, tell: Tell) -> bool:
    """One reply; nothing of it is kept while the next is waited for. False after the last."""
    try:
        header, samples = speaker.process.read()
        tell(header, _outcome(speaker, header, samples))
    except EngineDied:
        return False
    except Exception as error:
        tell({}, EngineDied(f"engine process {speaker.process.pid} sent what is no reply: {error!r}"))
        return False
    return True


def _outcome(speaker: Speaker, header: dict[str, Any], samples: Samples) -> Speech | Exception | None:
    """The speech, checked; or the error; or neither."""
    if "rate" not in header:
        return wire.told_failure(header)
    speech = Speech(samples, header["rate"])
    asked = speaker.held.get(header["id"])
    try:
        if asked is not None and asked.wanted:
            asked.check(speech)
    except Exception as error:
        return error
    return speech
