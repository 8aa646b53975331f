"""Whether this tree has become slower than a commit before it. `make bench-regress`, `ARGS="--base v1.2.3"`.

Workers of both run at once on one Kafka, with the engine `tone`, so that what is measured is Loa and no voice. Each is
given the same work in turns, and only the two's ratio is judged: a machine that is slow is so for both. CPU time
repeats within a few per cent on a busy machine too; rate and latency do not, and only what halves them is found for
sure. The
base's code runs with this tree's packages; what another version of a package costs is not seen. Exit status 1 where the
median ratio is below its target.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients import Client
from common import Figures, cpu_seconds, measured, pairs, percentile
from processes import HERE, Child, loa_environment, running, workplace
from texts import SHORT

ROOT = HERE.parent
RATE = 20
CPU_TARGET, TIME_TARGET = ">= 0.9", ">= 0.6"
PACKAGES = ("loa-tts", "numpy", "faust-streaming", "aiokafka")


def main() -> int:
    """Parse, check the base out, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="main", help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved pairs")
    parser.add_argument("--requests", type=int, default=200, help="requests of a stint")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    options = parser.parse_args()
    with checked_out(options.base) as base:
        return asyncio.run(compared(base, options))


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder with the tree of a commit, gone at the end. Raises CalledProcessError for what is no commit."""
    with tempfile.TemporaryDirectory(prefix="loa-base-") as folder:
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def worker(name: str, tree: Path, brokers: str, folder: Path) -> Child:
    """A worker that runs the code of a tree, wherever this process was started."""
    command = [sys.executable, "-P", "-m", "streams.cli", "worker", "--create-topics", "--end-with-stdin"]
    settings = loa_environment(name, brokers, folder, MODELS="tone", ENGINE_PROCESSES="1")
    return Child(name, command, settings | {"PYTHONPATH": str(tree)}, folder)


@dataclass
class Side:
    """One of the two: its worker, and who asks it."""

    name: str
    child: Child
    client: Client
    stint: int = 0

    async def work(self, count: int) -> tuple[float, float, float]:
        """Requests a second when all are there at once, CPU time of one [s], median latency at a steady rate [s]."""
        before = cpu_seconds(self.child.pid)
        burst = self._requests(count)
        began = await self.client.burst(burst)
        took = max(outcome.at for outcome in await self.client.finished(burst)) - began
        steady = self._requests(count)
        seconds = await self.client.open_loop(steady, [n / RATE for n in range(count)])
        return count / took, (cpu_seconds(self.child.pid) - before) / (2 * count), percentile(seconds, 50)

    def _requests(self, count: int) -> dict[str, str]:
        self.stint += 1
        return {f"{self.name}-{self.stint}-{n}": SHORT for n in range(count)}


async def compared(base: Path, options: argparse.Namespace) -> int:
    """Both, in turns; the exit status."""
    with measured(PACKAGES, options) as figures, workplace() as (broker, folder):
        before, now = (worker(name, tree, broker.bootstrap, folder) for name, tree in (("base", base), ("tree", ROOT)))
        async with running(before), running(now):
            await before.ready()
            await now.ready()
            async with (
                Client(broker.bootstrap, "base", model="tone") as of_base,
                Client(broker.bootstrap, "tree", model="tone") as of_tree,
            ):
                sides = Side("base", before, of_base), Side("tree", now, of_tree)
                for side in sides:
                    await side.work(options.requests)  # to warm up
                both = pairs(
                    options.rounds, lambda _: sides[0].work(options.requests), lambda _: sides[1].work(options.requests)
                )
                async for old, new in both:
                    add(figures, old, new)
    return int(any(figure.verdict == "MISSED" for figure in figures.all.values()))


def add(figures: Figures, old: tuple[float, float, float], new: tuple[float, float, float]) -> None:
    """One round. Ratios are above 1 where this tree is better."""
    figures.add("requests per second, tree / base", new[0] / old[0], target=TIME_TARGET)
    figures.add("CPU time of a request, base / tree", old[1] / new[1], target=CPU_TARGET)
    figures.add("median latency, base / tree", old[2] / new[2], target=TIME_TARGET)
    for name, (rate, cpu, latency) in (("base", old), ("tree", new)):
        figures.add(f"{name}: requests per second", rate, "1/s")
        figures.add(f"{name}: CPU time of a request", 1000 * cpu, "ms")
        figures.add(f"{name}: median latency", 1000 * latency, "ms")


if __name__ == "__main__":
    sys.exit(main())
