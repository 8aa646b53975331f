"""The engine process: `python -P -m models.serve MODELS [MEMORY_BYTES [BEAT_FD BEAT_SECONDS [LISTENING]]]`.

Loads its engines (MODELS: a JSON object, name to options), speaks a test sentence with each, and then what it is asked
to, frames (models.wire) on standard input and output. An engine that speaks a piece at a time is served as a batch
engine with one slot; LISTENING, if it is no `null`, tells who hears each piece (models.recognise, as JSON). From then
on it says every BEAT_SECONDS on BEAT_FD that it is alive (models.heartbeat). Ends with its input, and with its parent:
the parent decides about everything else, so the signals of a terminal are ignored.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from models import heartbeat, wire
from models.check import check
from models.engine import BatchEngine, Engine, EngineDied, ModelError, Piece, UnknownModel
from models.faults import translated
from models.plugins import Options, load_engine
from models.recognise.listened import Listened
from models.recognise.recogniser import Listening, load_recogniser
from models.single import Single, in_steps

_TEST_SENTENCE = "One, two, three."
_PR_SET_PDEATHSIG = 1

NICENESS = 5
"""Engines keep all cores busy. Who takes requests in and hands results out needs little, and does not wait for them."""

_Served = BatchEngine | Single | Listened


def main(
    models: str, memory_bytes: str = "0", beat_fd: str = "", beat_seconds: str = "1", listening: str = "null"
) -> int:
    """Serve until the input ends; the exit status is 1 when an engine could not be loaded, or broke."""
    source, out = _claim_pipes()
    _guard()
    options: Options = orjson.loads(models)
    try:
        listener = _listener(orjson.loads(listening))
        engines = dict(_ready(name, options, listener) for name in options)
        # Only now: loading may hold the interpreter for long.
        if beat_fd:
            heartbeat.begin(int(beat_fd), float(beat_seconds))
        # Only now: libraries that cannot be loaded for want of memory do not say so in so many words.
        if limit := int(memory_bytes):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        wire.write(out, wire.frame({"ready": True}))
        _Desk(engines, source, out).serve()
    except ModelError as error:
        wire.write(out, wire.failure(error))
        return 1
    return 0


class _Desk:
    """Takes pieces in, in between steps, and hands out what has ended."""

    def __init__(self, engines: Mapping[str, _Served], source: int, out: int) -> None:
        self._engines = engines
        self._source = source
        self._out = out
        self._held: dict[int, _Served] = {}
        self._news = select.poll()
        self._news.register(source, select.POLLIN)

    def serve(self) -> None:
        """Until the input ends. Raises ModelError where an engine cannot go on."""
        while True:
            while not self._held or self._news.poll(0):
                try:
                    header, _ = wire.read(self._source)
                except EngineDied:
                    return
                self._take(header)
            for engine in dict.fromkeys(self._held.values()):
                self._bring_on(engine)

    def _take(self, header: dict[str, Any]) -> None:
        if "drop" in header:
            self._drop(header["drop"])
            return
        key = header["id"]
        try:
            engine, piece = self._engine(header["model"]), wire.asked_for(header)
            # What does not fit an empty engine never will: it tells the reason itself.
            if engine in self._held.values() and not engine.fits(piece):
                wire.write(self._out, wire.frame({"id": key, "full": True}))
                return
            engine.admit(key, piece)
        except Exception as error:
            wire.write(self._out, wire.failure(translated(error), key))
        else:
            self._held[key] = engine

    def _drop(self, key: int) -> None:
        engine = self._held.pop(key, None)
        if engine is not None:
            engine.drop(key)
            wire.write(self._out, wire.frame({"id": key, "dropped": True}))

    def _bring_on(self, engine: _Served) -> None:
        try:
            ended = engine.step()
        except Exception as error:
            raise translated(error) from error
        for piece in ended:
            if self._held.pop(piece.key, None) is None:
                continue
            if isinstance(piece.result, ModelError):
                wire.write(self._out, wire.failure(piece.result, piece.key))
            else:
                wire.write_speech(self._out, piece.key, piece.result)

    def _engine(self, model: str) -> _Served:
        if model not in self._engines:
            raise UnknownModel(f"model {model!r} is not served; served: {', '.join(self._engines)}")
        return self._engines[model]


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


def _listener(listening: dict[str, Any] | None) -> Callable[[Engine, BatchEngine | Single], _Served]:
    """What puts a listener before an engine. Raises UnknownModel."""
    if listening is None:
        return lambda _, served: served
    how = Listening(**listening)
    by = load_recogniser(how.recogniser)

    def listened(engine: Engine, served: BatchEngine | Single) -> _Served:
        if getattr(engine, "unlike_speech", ()):
            return served
        return Listened(served, {voice.name: voice.languages[0] for voice in engine.voices}, by, how.most_errors)

    return listened


def _ready(
    name: str, options: Options, listener: Callable[[Engine, BatchEngine | Single], _Served]
) -> tuple[str, _Served]:
    """A loaded engine that has spoken, and its name. Raises ModelError naming the engine."""
    try:
        engine = load_engine(name, options)
        engine.load()
        served = listener(engine, in_steps(engine))
        _try(engine, served)
    except Exception as error:
        raise translated(error, f"model {name!r} cannot be loaded: ") from error
    return engine.name, served


def _try(engine: Engine, served: _Served) -> None:
    """Speak the test sentence, by the way that all pieces go. Raises ModelError."""
    # A voice may have no character for these words.
    piece = Piece(getattr(engine, "test_text", _TEST_SENTENCE), engine.voices[0].name, 1.0, 0)
    served.admit(0, piece)
    while not (ended := served.step()):
        pass
    speech = ended[0].result
    if isinstance(speech, ModelError):
        raise speech
    check(speech, piece.text, piece.speed, engine.estimate(piece.text, piece.speed), engine.rate)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
