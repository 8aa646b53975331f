"""A child ends with its parent: in order if it can, and hard if it does not."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.kafka.log import LONG_SECONDS

ORDERLY = """
import signal, sys
from streams.lifeline import end_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
end_with_parent()
print("ready", flush=True)
signal.pause()
"""

STUBBORN = """
import signal, threading
from streams.lifeline import end_with_parent
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end_with_parent(grace_seconds=0.1)
print("ready", flush=True)
threading.Event().wait()
"""


def status_after_the_pipe_is_closed(program: str) -> int:
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        assert child.poll() is None
        child.stdin.close()
        return child.wait(timeout=LONG_SECONDS)


def test_a_child_ends_in_order() -> None:
    assert status_after_the_pipe_is_closed(ORDERLY) == 7


def test_a_child_without_a_handler_ends_by_the_signal() -> None:
    program = ORDERLY.replace("signal.signal(", "(lambda *_: None)(")
    assert status_after_the_pipe_is_closed(program) == -signal.SIGTERM


def test_a_child_that_does_not_end_is_ended() -> None:
    assert status_after_the_pipe_is_closed(STUBBORN) == 1
