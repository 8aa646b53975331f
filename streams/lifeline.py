"""A child process that ends when its parent is gone, even after ``kill -9``.

The parent starts the child with a pipe as its standard input (``stdin=PIPE``), writes nothing, and keeps it open. The
kernel closes the pipe however the parent ends, and the child, which waits for that in a thread, ends itself in order.
Closing the pipe is therefore also the way to stop a child.

The parent must not *fork* other processes that outlive it without ``exec``: they would hold the pipe open.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

GRACE_SECONDS = 30.0


def end_with_parent(*, fd: int | None = None, grace_seconds: float = GRACE_SECONDS) -> threading.Thread:
    """Watch `fd` (default: standard input) and end this process when it is closed at the other end.

    This process then gets SIGTERM, which its own handlers treat as ever, and is ended hard, with exit status 1,
    when it is still there `grace_seconds` later.
    """
    watched = sys.stdin.fileno() if fd is None else fd
    thread = threading.Thread(target=_wait_for_end, args=(watched, grace_seconds), name="lifeline", daemon=True)
    thread.start()
    return thread


def _wait_for_end(fd: int, grace_seconds: float) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass  # a descriptor that cannot be read says as little about the parent as a closed one
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    os._exit(1)
