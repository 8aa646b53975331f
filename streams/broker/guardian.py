"""Runs one Java process, keeps its log bounded, and stops it in order when the process that wanted it is gone.

`python -m streams.broker.guardian LOG_FILE LOCK_FD COMMAND…`: standard input is the lifeline. Java inherits the lock's
descriptor, so that the data directory is in use for as long as Java is, whatever happens to anybody else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

from streams.broker.process import STOP_SECONDS
from streams.lifeline import end_with_parent

MAX_LOG_BYTES = 5_000_000

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Run the command until it ends or this process is told to stop; return its exit status."""
    log, lock_fd, *command = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # No preexec_fn runs beside another thread: the lifeline's thread starts afterwards.
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(int(lock_fd),),
        preexec_fn=_end_with_guardian,  # noqa: PLW1509
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        child.terminate()
        killer = threading.Timer(STOP_SECONDS, child.kill)
        killer.daemon = True
        killer.start()

    signal.signal(signal.SIGTERM, stop)
    end_with_parent(grace_seconds=2 * STOP_SECONDS)
    if child.stdout:
        keep_bounded(child.stdout.fileno(), Path(log))
    return child.wait()


def keep_bounded(source: int, log: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Copy a descriptor to a file until its end; a full file is kept as `<name>.1` and begun anew."""
    while True:
        with log.open("ab") as target:
            while target.tell() < max_bytes:
                data = os.read(source, 65536)
                if not data:
                    return
                target.write(data)
                target.flush()
        log.replace(log.with_name(f"{log.name}.1"))


def _end_with_guardian() -> None:
    """Have Linux stop Java even when the guardian itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
