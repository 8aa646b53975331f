"""One engine process, as the worker sees it: started, asked, killed, buried."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from models import wire
from models.engine import EngineDied
from models.speech import Speech

# One thread a process was measured faster than one process with all threads, and it is what `revision` promises.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# A clip of some seconds fits whole, so that the engine need not wait for its reader.
_PIPE_BYTES = 1 << 20


class EngineProcess:
    """One engine process and its two pipes. `exchange` and `wait_ready` block: call them from a thread."""

    def __init__(self, models: Sequence[str], memory_bytes: int) -> None:
        # -P: a folder `models` where the worker was started is not ours.
        command = [sys.executable, "-P", "-m", "models.serve", ",".join(models), str(memory_bytes)]
        environment = {**os.environ, **_ONE_THREAD}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise EngineDied("an engine process has no pipes")
        self._requests, self._replies = self._process.stdin, self._process.stdout
        _widen(self._replies.fileno())
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
            except OSError as error:
                raise EngineDied(f"engine process {self.pid} ended") from error
            header, samples = wire.read(self._replies.fileno())
        wire.raise_failure(header)
        return Speech(samples, header["rate"])

    def kill(self) -> None:
        """End it at once; it holds nothing that would be lost."""
        self._process.kill()

    def bury(self) -> None:
        """Wait for its end and close the pipes; the kernel reports the end, so this does not wait long."""
        self._process.wait()
        with self._reading:
            self._requests.close()
            self._replies.close()


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
