"""What a process uses: CPU time and memory, as the kernel counts them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_KIBIBYTE = 1 << 10


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes. `resident`: the most it ever had. `private`: what counts against its limit."""

    resident: int
    private: int


def memory(pids: Iterable[int]) -> tuple[Memory, ...]:
    """Of each of these processes alone; of one that has ended nothing."""
    return tuple(found for pid in pids if (found := _memory(pid)) is not None)


def _memory(pid: int) -> Memory | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    said = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    if "VmHWM" not in said:  # it has ended, and nobody has waited for it yet
        return None
    # VmData is what RLIMIT_DATA bounds: memory that was asked for, touched or not.
    return Memory(int(said["VmHWM"][0]) * _KIBIBYTE, int(said["VmData"][0]) * _KIBIBYTE)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of these processes and those below them, the ended ones included that were waited for."""
    total = 0.0
    for pid in pids:
        try:
            root = psutil.Process(pid)
            for process in [root, *root.children(recursive=True)]:
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        except psutil.NoSuchProcess:
            continue
    return total
