"""What every benchmark needs: the machine in words, CPU time of process trees, interleaved pairs, figures, tables."""

import argparse
import asyncio
import json
import math
import os
import platform
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import psutil

First = TypeVar("First")
Second = TypeVar("Second")


def arguments(description: str, parts: Sequence[str], **choices: Sequence[str]) -> argparse.Namespace:
    """The options that all benchmarks share. `choices`: further ones, and what they may be, the default first."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved pairs of each comparison")
    parser.add_argument("--quick", action="store_true", help="few texts and rounds: does it run? no figures to quote")
    parser.add_argument("--only", choices=parts, help="one part")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    for name, allowed in choices.items():
        parser.add_argument(f"--{name}", choices=allowed, default=allowed[0])
    return parser.parse_args()


def machine(packages: Iterable[str]) -> dict[str, str]:
    """What the figures depend on."""
    cpu = platform.processor() or "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return {
        "cpu": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load average": load(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
    }


@contextmanager
def measured(packages: Iterable[str], options: argparse.Namespace, figures: Any = None) -> Iterator[Any]:
    """Figures that are shown and written at the end, and what was measured before a failure is too.

    `figures`: what has their `show` and `data`, where it is not `Figures`.
    Ended from outside (SIGTERM) it ends as after Ctrl-C: workers and brokers of the block are stopped.
    """
    about = machine(packages)
    figures = Figures() if figures is None else figures
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    try:
        yield figures
    finally:
        about["load average after"] = load()
        table("Machine", ("", ""), list(about.items()))
        figures.show()
        write_json(options.json, about, figures)


def load() -> str:
    """1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def cpu_seconds(*pids: int) -> float:
    """CPU time of these processes and all below them, those that have ended and were reaped included."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu_seconds(pid: int) -> float:
    """CPU time of the process alone, all its threads."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def peak_rss_mib(pid: int) -> float:
    """The most memory a process has had resident, as the kernel remembers it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no VmHWM")


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was really seen."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


async def pairs(
    rounds: int, baseline: Callable[[int], Awaitable[First]], loa: Callable[[int], Awaitable[Second]]
) -> AsyncIterator[tuple[First, Second]]:
    """Both, round by round; who is first alternates, so that a drifting machine favours neither."""
    for number in range(rounds):
        if number % 2:
            second = await loa(number)
            first = await baseline(number)
        else:
            first = await baseline(number)
            second = await loa(number)
        print(".", end="", file=sys.stderr, flush=True)
        yield first, second
    print(file=sys.stderr)


@dataclass
class Figure:
    """One measured figure: a value a round. `target`: such as `>= 0.93`, held against the median."""

    name: str
    unit: str = ""
    target: str = ""
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if not self.target:
            return ""
        sign, bound = self.target.split()
        met = self.median >= float(bound) if sign == ">=" else self.median <= float(bound)
        return "met" if met else "MISSED"

    def row(self) -> list[str]:
        """Name, median, range, target, verdict."""
        spread = f"{number(min(self.values))} – {number(max(self.values))}" if len(self.values) > 1 else ""
        name = f"{self.name} [{self.unit}]" if self.unit else self.name
        return [name, number(self.median), spread, str(len(self.values)), self.target, self.verdict]


class Figures:
    """All figures of a run, in the order they were first named; ratios are those without a unit."""

    def __init__(self) -> None:
        self.all: dict[str, Figure] = {}

    def add(self, name: str, value: float, unit: str = "", target: str = "") -> None:
        """One more value of a figure."""
        self.all.setdefault(name, Figure(name, unit, target)).values.append(value)

    def show(self) -> None:
        """Ratios first, then absolutes."""
        head = ["", "median", "min – max", "n", "target", ""]
        table("Ratios", head, [f.row() for f in self.all.values() if not f.unit])
        table("Absolutes", head, [f.row() for f in self.all.values() if f.unit])

    def data(self) -> list[dict[str, Any]]:
        """For `--json`."""
        return [vars(f) | {"median": f.median, "verdict": f.verdict} for f in self.all.values()]


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them."""
    if not rows:
        return
    sys.stderr.flush()
    widths = [max(len(line[n]) for line in [head, *rows]) for n in range(len(head))]
    print(f"\n{title}")
    for line in [head, *rows]:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def write_json(path: Path | None, about: dict[str, str], figures: Any) -> None:
    """All values, for whoever wants to compare runs."""
    if path is not None:
        path.write_text(json.dumps({"machine": about, "figures": figures.data()}, indent=2) + "\n")
