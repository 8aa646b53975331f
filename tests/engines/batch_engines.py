"""An engine that speaks several pieces at once, and may misbehave, loaded as `batch_engines:BatchTone`."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.engine import Ended, OutOfMemory, Piece, SpeakError, Voice
from models.speech import Speech
from models.tone import Tone


class BatchTone(Tone):
    """A tone for each piece, after as many steps as it has words, unless its first word says otherwise.

    `WORD FILE`, once the file is there: `hold` ends, `die` kills the process, `hang` never comes back from a step,
    `freeze` stops, `break` and `burst` raise from a step. `late` never ends. `silent` is silence, `fail` is refused by
    a step and `huge` when it is admitted; `big` fits beside nothing. `log`: where what begins, with how many it is
    then, what does not fit, and what is dropped is written.
    """

    name = "batch"

    def __init__(self, slots: str = "4", step_seconds: str = "0.001", log: str = os.devnull) -> None:
        self.slots = int(slots)
        self._step_seconds = float(step_seconds)
        self._log = Path(log)
        self._spoken: dict[int, Piece] = {}
        self._left: dict[int, int] = {}

    @property
    def voices(self) -> Sequence[Voice]:
        return (Voice("sine", ("en",)),)

    def fits(self, piece: Piece) -> bool:
        alone = any(spoken.text.startswith("big") for spoken in (piece, *self._spoken.values()))
        room = not self._spoken if alone else len(self._spoken) < self.slots
        if not room:
            self._write(f"no room for {piece.text}")
        return room

    def admit(self, key: int, piece: Piece) -> None:
        if piece.text.startswith("huge"):
            raise OutOfMemory("it would not fit alone either")
        self._spoken[key] = piece
        self._left[key] = len(piece.text.split())
        self._write(f"{len(self._spoken)} {piece.text}")

    def step(self) -> Sequence[Ended]:
        time.sleep(self._step_seconds)
        ended = []
        for key, piece in list(self._spoken.items()):
            self._left[key] -= 1
            if (result := self._brought_on(key, piece)) is not None:
                ended.append(Ended(key, result))
                self._forget(key)
        return ended

    def drop(self, key: int) -> None:
        if key in self._spoken:
            self._write(f"dropped {self._spoken[key].text}")
            self._forget(key)

    def _brought_on(self, key: int, piece: Piece) -> Speech | SpeakError | None:
        what, _, argument = piece.text.partition(" ")
        if what == "late":
            return None
        if what in MISDEEDS or what == "hold":
            if not Path(argument).exists():
                return None
            MISDEEDS.get(what, _nothing)()
        elif self._left[key] > 0:
            return None
        elif what == "fail":
            return SpeakError("will not")
        speech = self.speak(piece)
        return Speech(np.zeros_like(speech.samples), speech.rate) if what == "silent" else speech

    def _forget(self, key: int) -> None:
        del self._spoken[key], self._left[key]

    def _write(self, line: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{line}\n")


def _nothing() -> None:
    pass


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    threading.Event().wait()


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _break() -> None:
    raise RuntimeError("a device that is lost")


def _burst() -> None:
    raise MemoryError("no room")


MISDEEDS = {"die": _die, "hang": _hang, "freeze": _freeze, "break": _break, "burst": _burst}


class Placed(BatchTone):
    """One that is made with a device."""

    def __init__(self, device: str = "") -> None:
        super().__init__()
        self.device = device
