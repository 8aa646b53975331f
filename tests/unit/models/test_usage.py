"""What a process uses, as the kernel counts it."""

import os
import time

from models.usage import cpu_seconds, memory

NOBODY = 1 << 30
"""No process id: above the kernel's largest."""


def test_memory_of_a_process() -> None:
    (mine,) = memory([os.getpid(), NOBODY])
    assert mine.resident > 1 << 20
    kept = bytearray(64 << 20)
    (more,) = memory([os.getpid()])
    assert more.private - mine.private > 32 << 20
    del kept


def test_cpu_time_counts_work() -> None:
    before, end = cpu_seconds([os.getpid(), NOBODY]), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert cpu_seconds([os.getpid()]) - before > 0.05
