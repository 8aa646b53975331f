"""One engine process, as the worker sees it: started, asked, killed, buried."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

import orjson

from models import wire
from models.engine import EngineDied
from models.heartbeat import Pulse
from models.plugins import Options
from models.speech import Speech

# One thread a process was measured faster than one process with all threads, and it is what `revision` promises.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# A clip of some seconds fits whole, so that the engine need not wait for its reader.
_PIPE_BYTES = 1 << 20


class EngineProcess:
    """One engine process and its three pipes. `exchange` and `wait_ready` block: call them from a thread.

    `beat_seconds`: how often it says that it is alive, once it is ready.
    """

    def __init__(
        self, models: Sequence[str], memory_bytes: int, beat_seconds: float, options: Options | None = None
    ) -> None:
        self._pulse = Pulse()
        try:
            self._process = _start(served(models, options), memory_bytes, self._pulse.theirs, beat_seconds)
            if self._process.stdin is None or self._process.stdout is None:
                raise EngineDied("an engine process has no pipes")
        except BaseException:
            self._pulse.close()
            raise
        finally:
            self._pulse.close_theirs()
        self._requests, self._replies = self._process.stdin, self._process.stdout
        _widen(self._replies.fileno())
        self._end: str | None = None
        # A pipe's number must not be given to another file while a thread still reads by it.
        self._reading = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_ready(self) -> None:
        """Return when every engine is loaded and has spoken; raises ModelError telling which one could not."""
        with self._reading:
            header, _ = wire.read(self._replies.fileno())
        wire.raise_failure(header)

    def exchange(self, request: bytes) -> Speech:
        """Send one request and read its reply. Raises ModelError; EngineDied when the process ended instead."""
        with self._reading:
            try:
                wire.write(self._requests.fileno(), request)
                header, samples = wire.read(self._replies.fileno())
            except (OSError, EngineDied) as error:
                raise EngineDied(f"engine process {self.pid} {self._end or 'ended'}") from error
        wire.raise_failure(header)
        return Speech(samples, header["rate"])

    def missed_beats(self) -> int:
        """How many calls in a row, this one included, have found no sign of life. Does not block."""
        return self._pulse.look()

    def kill(self, reason: str | None = None) -> None:
        """End it at once; it holds nothing that would be lost. `reason`: what whoever waits for it is told.

        The first reason stays: who buries it kills it once more, perhaps before the waiting one has looked.
        """
        self._end = self._end or reason
        self._process.kill()

    def bury(self) -> None:
        """Wait for its end and close the pipes; the kernel reports the end, so this does not wait long."""
        self._process.wait()
        with self._reading:
            self._requests.close()
            self._replies.close()
        self._pulse.close()


def served(models: Sequence[str], options: Options | None = None) -> str:
    """What `models.serve` is told to load."""
    return orjson.dumps({name: dict((options or {}).get(name, {})) for name in models}).decode()


def _start(models: str, memory_bytes: int, beats: int, beat_seconds: float) -> "subprocess.Popen[bytes]":
    # -P: a folder `models` where the worker was started is not ours.
    command = [sys.executable, "-P", "-m", "models.serve", models, str(memory_bytes)]
    command += [str(beats), str(beat_seconds)]
    environment = {**os.environ, **_ONE_THREAD}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0, pass_fds=(beats,)
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
