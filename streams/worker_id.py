"""A name for each worker that it keeps over restarts, so that the group needs no rebalance when it comes back."""

import fcntl
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.settings import Settings

MOST_WORKERS = 1024


@contextmanager
def worker_id(settings: Settings) -> Iterator[str]:
    """`TTS_WORKER_ID`, or this host's name and the lowest number that no other worker of the group has here.

    The number is held by a file lock, which ends with the process, however it ends.
    """
    if settings.worker_id:
        yield settings.worker_id
        return
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())
    group = hashlib.sha256(f"{settings.kafka_brokers}\n{settings.kafka_group}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"loa-workers-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in range(MOST_WORKERS):
        with (folder / f"{group}-{number}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{host}-{number}"
            return
    raise RuntimeError(f"{MOST_WORKERS} workers run on this host already")
