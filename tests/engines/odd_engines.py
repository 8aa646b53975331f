"""Engines that misbehave, loaded by an engine process as `odd_engines:Name`."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from models.engine import Piece, SpeakError, Voice
from models.speech import Speech
from models.tone import Tone


class Odd(Tone):
    """Does what the text says: `die`, `hang`, `memory`, `fail`, `bug`, `print`, `silence`; else a tone."""

    name = "odd"

    @property
    def voices(self) -> Sequence[Voice]:
        return (Voice("sine", ("en",)),)

    def speak(self, piece: Piece) -> Speech:
        what, _, argument = piece.text.partition(" ")
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "once" and not Path(argument).exists():
            Path(argument).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "hang":
            threading.Event().wait()
        elif what == "memory":
            raise MemoryError("no room")
        elif what == "fail":
            raise SpeakError("will not")
        elif what == "bug":
            raise KeyError("oops")
        elif what == "print":
            print("a library that talks", flush=True)
            os.write(1, b"and writes deeper")
        return super().speak(piece)


class Broken(Odd):
    """Cannot be loaded."""

    def load(self) -> None:
        raise OSError("the weights are gone")


class Slow(Odd):
    """Never loads."""

    def load(self) -> None:
        threading.Event().wait()
