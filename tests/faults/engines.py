"""An engine with faults, loaded by an engine process as `tests.faults.engines:Faulty`; asked for as `faulty`."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.engine import Piece, SpeakError, Voice
from models.speech import Speech
from models.tone import Tone

FOLDER = "LOA_FAULT_FOLDER"
SPOKEN = "spoken"
NAME = "tests.faults.engines:Faulty"
VIETNAMESE = "tests.faults.engines:FaultyVietnamese"


class Faulty(Tone):
    """A tone, unless the text has one of the words below; with `once`, only the first time that it is spoken.

    Where there is a folder for it, each piece that was spoken is a line in its file `spoken`.
    """

    name = "faulty"

    @property
    def voices(self) -> Sequence[Voice]:
        return (Voice("sine", ("en",)),)

    def speak(self, piece: Piece) -> Speech:
        words = piece.text.lower().replace(",", " ").replace(".", " ").split()
        fault = next((word for word in words if word in FAULTS), None)
        speech = super().speak(piece)
        if fault is not None and not ("once" in words and not _first(piece.text)):
            speech = FAULTS[fault](speech)
        if FOLDER in os.environ:
            with Path(os.environ[FOLDER], SPOKEN).open("a") as file:
                file.write(f"{piece.text}\n")
        return speech


class FaultyVietnamese(Faulty):
    """The same in another language, at another rate."""

    name = "faulty-vi"
    rate = 16_000

    @property
    def voices(self) -> Sequence[Voice]:
        return (Voice("sine", ("vi",)),)


def _first(text: str) -> bool:
    """Whether no process has spoken this before."""
    path = Path(os.environ[FOLDER], f"spoken-{text.encode().hex()[:200]}")
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _die(_: Speech) -> Speech:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def _hang(_: Speech) -> Speech:
    threading.Event().wait()
    raise AssertionError("hung")


def _fail(_: Speech) -> Speech:
    raise SpeakError("will not")


def _starve(_: Speech) -> Speech:
    raise MemoryError("no room")


def _hoard(_: Speech) -> Speech:
    """Take memory until the limit on private memory refuses it."""
    hoard = []
    while len(hoard) < 64:
        hoard.append(np.ones(1 << 23))
    raise AssertionError("there was no limit")


def _nan(speech: Speech) -> Speech:
    speech.samples[len(speech.samples) // 2] = np.nan
    return speech


def _cut(speech: Speech) -> Speech:
    return Speech(speech.samples[: len(speech.samples) // 50], speech.rate)


def _mute(speech: Speech) -> Speech:
    return Speech(np.zeros_like(speech.samples), speech.rate)


FAULTS = {
    "die": _die,
    "hang": _hang,
    "fail": _fail,
    "starve": _starve,
    "hoard": _hoard,
    "nan": _nan,
    "cut": _cut,
    "mute": _mute,
}
