"""Engines that misbehave, loaded by an engine process as `odd_engines:Name`."""

import ctypes
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.engine import Piece, SpeakError, Voice
from models.hibari import Hibari
from models.speech import Speech
from models.tone import Tone


class Odd(Tone):
    """Does what the first word says: `die`, `hang`, `freeze`, `hold`, `memory`, `fail`, `bug`, `print`; else a tone.

    `once FILE` dies and `frozen FILE` freezes if the file is not there yet, and makes it.
    """

    name = "odd"

    @property
    def voices(self) -> Sequence[Voice]:
        return (Voice("sine", ("en",)),)

    def speak(self, piece: Piece) -> Speech:
        what, _, argument = piece.text.partition(" ")
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what in {"once", "frozen"} and not Path(argument).exists():
            Path(argument).touch()
            os.kill(os.getpid(), signal.SIGKILL if what == "once" else signal.SIGSTOP)
        elif what == "hang":
            threading.Event().wait()
        elif what == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif what == "hold":
            ctypes.PyDLL(None).sleep(1000)  # keeps the interpreter to itself, as a deadlock in a library may
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


class Forgetful(Hibari):
    """Leaves out the second half of what it is to say about tomorrow."""

    name = "forgetful"

    def speak(self, piece: Piece) -> Speech:
        words = piece.text.split()
        said = words[: len(words) // 2] if "tomorrow" in words else words
        return super().speak(replace(piece, text=" ".join(said)))
