"""Two locks on a data directory: who started its broker, and whether a broker still writes to it.

They differ after the starter was killed: its broker is then stopping, and a new start waits for the end of that.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.broker.errors import BrokerError

STOPPING_SECONDS = 60.0

_POLL_SECONDS = 0.05


@contextmanager
def owner(directory: Path) -> Iterator[None]:
    """Own a data directory for as long as this process lives.

    Raises BrokerError when another process does.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "owner.lock").open("a+")
    except OSError as error:
        raise BrokerError(f"The data directory {directory} cannot be used: {error}.") from error
    with lock:
        if not _locked(lock.fileno()):
            lock.seek(0)
            raise BrokerError(
                f"The data directory {directory} is in use by process {lock.read().strip() or 'unknown'}."
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def data_in_use(directory: Path, wait_seconds: float = STOPPING_SECONDS) -> Iterator[int]:
    """Yield a descriptor whose lock is held until every process that inherits it has ended.

    Raises BrokerError when an earlier broker is still there after `wait_seconds`.
    """
    give_up = time.monotonic() + wait_seconds
    with (directory / "broker.lock").open("w") as lock:
        while not _locked(lock.fileno()):
            if time.monotonic() > give_up:
                raise BrokerError(
                    f"An earlier broker still uses {directory}, {wait_seconds:.0f} s after it was to stop."
                )
            time.sleep(_POLL_SECONDS)
        yield lock.fileno()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
