"""The engine process: `python -P -m models.serve MODELS [MEMORY_BYTES [BEAT_FD BEAT_SECONDS]]`.

Loads its engines (MODELS: a JSON object, name to options), speaks a test sentence with each, and then one piece at a
time, frames (models.wire) on standard input and output. From then on it says every BEAT_SECONDS on BEAT_FD that it is
alive (models.heartbeat). Ends with its input, and with its parent: the parent decides about everything else, so the
signals of a terminal are ignored.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping

import orjson

from models import heartbeat, wire
from models.check import check
from models.engine import Engine, EngineDied, ModelError, OutOfMemory, Piece, SpeakError, UnknownModel
from models.plugins import Options, load_engine
from models.speech import Speech

_TEST_SENTENCE = "One, two, three."
_PR_SET_PDEATHSIG = 1

NICENESS = 5
"""Engines keep all cores busy. Who takes requests in and hands results out needs little, and does not wait for them."""


def main(models: str, memory_bytes: str = "0", beat_fd: str = "", beat_seconds: str = "1") -> int:
    """Serve until the input ends; the exit status is 1 when an engine could not be loaded."""
    source, out = _claim_pipes()
    _guard()
    options: Options = orjson.loads(models)
    try:
        engines = {engine.name: engine for engine in (_ready(name, options) for name in options)}
    except ModelError as error:
        wire.write(out, wire.failure(error))
        return 1
    # Only now: loading may hold the interpreter for long.
    if beat_fd:
        heartbeat.begin(int(beat_fd), float(beat_seconds))
    # Only now: libraries that cannot be loaded for want of memory do not say so in so many words.
    if limit := int(memory_bytes):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    wire.write(out, wire.frame({"ready": True}))
    while True:
        try:
            header, _ = wire.read(source)
        except EngineDied:
            return 0
        try:
            wire.write_speech(out, _speak(engines, header))
        except ModelError as error:
            wire.write(out, wire.failure(error))


def _claim_pipes() -> tuple[int, int]:
    """The two pipes under private numbers; what libraries print goes to standard error, not between the frames."""
    source, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return source, out


def _guard() -> None:
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # For a parent killed so hard that a forgotten copy of the pipe could keep this process alive.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ready(name: str, options: Options) -> Engine:
    """A loaded engine that has spoken. Raises ModelError naming the engine."""
    try:
        engine = load_engine(name, options)
        engine.load()
        # A voice may have no character for these words.
        text = getattr(engine, "test_text", _TEST_SENTENCE)
        piece = Piece(text, engine.voices[0].name, 1.0, 0)
        check(engine.speak(piece), piece.text, piece.speed, engine.estimate(piece.text, piece.speed), engine.rate)
    except Exception as error:
        raise _translated(error, f"model {name!r} cannot be loaded: ") from error
    return engine


def _speak(engines: Mapping[str, Engine], header: Mapping[str, object]) -> Speech:
    """Speak what a request asks for. Raises ModelError, whatever the engine raised."""
    try:
        model = str(header["model"])
        if model not in engines:
            raise UnknownModel(f"model {model!r} is not served; served: {', '.join(engines)}")
        piece = Piece(str(header["text"]), str(header["voice"]), float(str(header["speed"])), int(str(header["seed"])))
        return engines[model].speak(piece)
    except Exception as error:
        raise _translated(error) from error


def _translated(error: Exception, prefix: str = "") -> ModelError:
    """The error of this room for anything an engine or its libraries may raise."""
    if isinstance(error, ModelError):
        return type(error)(f"{prefix}{error}")
    message = f"{prefix}{type(error).__name__}: {error}"
    # numpy raises MemoryError, onnxruntime its own exceptions, torch an OutOfMemoryError.
    told = ("bad_alloc", "bad allocation", "allocate memory", "out of memory")
    if isinstance(error, MemoryError) or any(words in message.lower() for words in told):
        return OutOfMemory(message)
    return SpeakError(message)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
