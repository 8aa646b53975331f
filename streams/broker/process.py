"""A Java process under its guardian: launched, watched, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from streams.broker.node import java_environment

STOP_SECONDS = 30.0

_TAIL_BYTES = 3000


class GuardedProcess:
    """A command that ends, in order, at the latest when this process does; its output goes to `log`."""

    def __init__(self, command: list[str], *, cwd: Path, log: Path, lock_fd: int) -> None:
        # -P: no file in the data directory is taken for a module.
        guardian = [sys.executable, "-P", "-m", "streams.broker.guardian", str(log), str(lock_fd)]
        self._log = log
        with log.open("ab") as errors:
            # A session of its own: Ctrl-C in the terminal is for those who still need the broker to finish their work.
            self._process = subprocess.Popen(
                [*guardian, *command],
                cwd=cwd,
                env=java_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(lock_fd,),
                start_new_session=True,
            )

    @property
    def group(self) -> int:
        """The process group of the guardian and its command."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The command's exit status, None while it runs."""
        return self._process.poll()

    @property
    def log_tail(self) -> str:
        """The end of what the command wrote."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        """Stop the command, hard when it does not stop in time."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the command and its guardian at once."""
        if self._process.poll() is None:
            os.killpg(self.group, signal.SIGKILL)
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
