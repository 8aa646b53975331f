"""One engine process, as the worker sees it: started, written to, read from, killed, buried."""

import asyncio
import contextlib
import fcntl
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models import wire
from models.engine import EngineDied
from models.heartbeat import Pulse
from models.plugins import Options
from models.recognise.recogniser import Listening
from models.speech import Samples

ENVIRONMENT = {
    # One thread a process was measured faster than one process with all threads, and it is what `revision` promises.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # torch keeps 1024 convolutions, each for one length of audio, which hardly comes again: as fast with less memory.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
}
"""What libraries of an engine process are told."""

# A clip of some seconds fits whole, so that the engine need not wait for its reader.
_PIPE_BYTES = 1 << 20
_LONGEST_LINE = 10_000

_LAST_WORDS_SECONDS = 5.0
"""What an ended process has said is read within an instant, unless a process of its own still holds the pipe."""

_said = logging.getLogger("engine")
"""What engine processes and their libraries write to standard error."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an engine process is started with.

    `memory_bytes`: the most private memory it may have, 0 for no limit. `options`: what engines are made with.
    `listening`: who listens to what they speak, if anybody.
    """

    models: tuple[str, ...]
    memory_bytes: int = 0
    options: Options | None = None
    listening: Listening | None = None


class EngineProcess:
    """One engine process and its pipes; made by `start`.

    `read`, `wait_ready` and `bury` block: call them from a thread. All else is for the event loop that started it.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", pulse: Pulse) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise EngineDied("an engine process has no pipes")
        self._saying = threading.Thread(target=_pass_on, args=(process.stderr, process.pid), daemon=True)
        self._saying.start()
        self._process = process
        self._pulse = pulse
        self._pipe, self._replies = process.stdin, process.stdout
        self._requests: asyncio.WriteTransport | None = None
        _widen(self._replies.fileno())
        self._end: str | None = None
        # A pipe's number must not be given to another file while a thread still reads by it.
        self._reading = threading.Lock()

    @classmethod
    async def start(cls, recipe: Recipe, beat_seconds: float) -> "EngineProcess":
        """A process that loads its engines. `beat_seconds`: how often it says that it is alive, once it is ready."""
        pulse = Pulse()
        try:
            process = cls(_start(recipe, pulse.theirs, beat_seconds), pulse)
        except BaseException:
            pulse.close()
            raise
        finally:
            pulse.close_theirs()
        try:
            loop = asyncio.get_running_loop()
            process._requests, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process._pipe)
        except BaseException:
            process.kill()
            process.bury()
            raise
        return process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet; whoever waits for its end is told a little later."""
        return self._process.poll() is None

    @property
    def end(self) -> str:
        """How it ended, for whoever waited for it."""
        return f"engine process {self.pid} {self._end or 'ended'}"

    def wait_ready(self) -> None:
        """Return when every engine is loaded and has spoken; raises ModelError telling which one could not."""
        header, _ = self.read()
        if error := wire.told_failure(header):
            raise error

    def read(self) -> tuple[dict[str, Any], Samples]:
        """The next frame it sends. Raises EngineDied when it ends instead."""
        with self._reading:
            try:
                return wire.read(self._replies.fileno())
            except (OSError, EngineDied) as error:
                raise EngineDied(self.end) from error

    def send(self, frame: bytes) -> None:
        """Send a frame, without waiting until it is read; nothing, if the process has ended."""
        if self._requests is not None and not self._requests.is_closing():
            self._requests.write(frame)

    def missed_beats(self) -> int:
        """How many calls in a row, this one included, have found no sign of life. Does not block."""
        return self._pulse.look()

    def kill(self, reason: str | None = None) -> None:
        """End it at once; it holds nothing that would be lost. `reason`: what whoever waits for it is told.

        The first reason stays: who buries it kills it once more, perhaps before the waiting one has looked.
        """
        self._end = self._end or reason
        self._process.kill()
        if self._requests is not None and not self._requests.is_closing():
            self._requests.abort()

    def bury(self) -> None:
        """Wait for its end and close the pipes; the kernel reports the end, so this does not wait long."""
        self._process.wait()
        with self._reading:
            self._replies.close()
        self._pulse.close()
        self._saying.join(_LAST_WORDS_SECONDS)


def _pass_on(output: io.RawIOBase, pid: int) -> None:
    """Log what a process and its libraries write, line by line, until nobody can write any more."""
    with io.BufferedReader(output) as lines:
        while line := lines.readline(_LONGEST_LINE):
            if text := line.decode("utf-8", "replace").rstrip():
                _said.warning(text, extra={"engine_pid": pid})


def served(models: Sequence[str], options: Options | None = None) -> str:
    """What `models.serve` is told to load."""
    return orjson.dumps({name: dict((options or {}).get(name, {})) for name in models}).decode()


def _start(recipe: Recipe, beats: int, beat_seconds: float) -> "subprocess.Popen[bytes]":
    # -P: a folder `models` where the worker was started is not ours.
    command = [sys.executable, "-P", "-m", "models.serve", served(recipe.models, recipe.options)]
    command += [str(recipe.memory_bytes), str(beats), str(beat_seconds), orjson.dumps(recipe.listening).decode()]
    environment = {**os.environ, **ENVIRONMENT}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        bufsize=0,
        pass_fds=(beats,),
    )


async def ended(pid: int) -> None:
    """Return when a child process has ended; the kernel tells, nobody polls."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()
    descriptor = os.pidfd_open(pid)
    try:
        loop.add_reader(descriptor, _set, end)
        await end
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _set(end: "asyncio.Future[None]") -> None:
    if not end.done():
        end.set_result(None)


def _widen(fd: int) -> None:
    # The system limits how much a user may have; a narrow pipe is only slower.
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
