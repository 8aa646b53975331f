"""The life of files in a directory: clean-up beside many files that live on, and first writes beside bare loops.

make bench-lifecycle [ARGS="--rounds 5 --quick --only writes --json FILE"]

clean-up  the same number of expired files, in a store of few other files and in one of very many
writes    files put once, durably, against a loop that writes, syncs and names files with nothing around it
"""

import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path

from common import Figures, arguments, measured, pairs, peak_rss_mib
from store_filled import expire, fill, new_store
from stored import put

sys.path.insert(0, str(Path(__file__).parents[1]))

from storage.cleanup import CleanUp
from storage.expiry import SHARDS
from storage.files import AudioFiles
from storage.local import LocalStore

FEW, MANY, EXPIRED = 10_000, 1_000_000, 1_000
QUICK_FEW, QUICK_MANY, QUICK_EXPIRED = 1_000, 10_000, 100
FILL_SECONDS = 240
AUDIO = 48_044
"""Bytes of a second of 16-bit audio at 24 kHz, and the header of a wav."""
WRITES, QUICK_WRITES = 200, 20

_numbers = count()


async def main() -> None:
    options = arguments("The life of files in a directory.", ("clean-up", "writes"))
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder, measured((), options) as figures:
        if options.only != "clean-up":
            await writes(figures, Path(folder), rounds, QUICK_WRITES if options.quick else WRITES)
        if options.only != "writes":
            await clean_up(figures, Path(folder), rounds, options.quick)


async def clean_up(figures: Figures, folder: Path, rounds: int, quick: bool) -> None:
    """The same expired files in both stores, cleaned up in turns, each time in a process of its own."""
    few, many, expired = (QUICK_FEW, QUICK_MANY, QUICK_EXPIRED) if quick else (FEW, MANY, EXPIRED)
    roots = folder / "few", folder / "many"
    for root, wanted in zip(roots, (few, many), strict=True):
        began = time.perf_counter()
        made = fill(new_store(root), wanted, FILL_SECONDS)
        figures.add(f"clean-up: {made:,} files made in", time.perf_counter() - began, "s")
        if made < wanted:
            print(f"only {made:,} of {wanted:,} files could be made in {FILL_SECONDS} s", file=sys.stderr)
    async for first, second in pairs(rounds, _cleaned(roots[0], expired), _cleaned(roots[1], expired)):
        figures.add("clean-up: seconds, many / few", second[0] / first[0], target="<= 1.5")
        figures.add("clean-up: peak memory, many / few", second[1] / first[1], target="<= 1.1")
        for name, (seconds, memory) in (("few", first), ("many", second)):
            figures.add(f"clean-up: {expired:,} expired files, {name} others", seconds, "s")
            figures.add(f"clean-up: peak memory, {name} others", memory, "MiB")


def _cleaned(root: Path, expired: int) -> Callable[[int], Awaitable[tuple[float, float]]]:
    async def cleaned(number: int) -> tuple[float, float]:
        expire(root, expired, number)
        os.sync()  # what making them left to be written is not clean-up's to wait for
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            deleted, seconds, memory = await asyncio.get_running_loop().run_in_executor(process, sweep, root)
        if deleted != expired:
            raise RuntimeError(f"{root.name}: {deleted} files were deleted, and {expired} had expired")
        return seconds, memory

    return cleaned


def sweep(root: Path) -> tuple[int, float, float]:
    """Clean up all shards as a worker does, but for the events: files deleted, seconds, and peak memory in MiB."""
    files = AudioFiles(LocalStore(root))
    clean, deleted = CleanUp(files), 0
    began = time.perf_counter()
    for shard in SHARDS:
        for due in clean.due(files.clock(), shard):
            gone = clean.settle(due)
            if gone is not None:
                clean.forget(gone)
                deleted += 1
    seconds = time.perf_counter() - began
    files.store.close()
    return deleted, seconds, peak_rss_mib(os.getpid())


async def writes(figures: Figures, folder: Path, rounds: int, number: int) -> None:
    """Files a second: Loa against one durable name a file, and against three, which is what Loa gives it."""
    files = AudioFiles(LocalStore(folder / "written"))
    audio = os.urandom(AUDIO)

    def loa() -> None:
        put(files, f"r{next(_numbers)}", audio)

    for names, target in ((1, ">= 0.6"), (3, "")):
        bare = Bare(folder / f"bare-{names}", [audio, bytes(800), bytes(80)][:names])
        async for first, second in pairs(rounds, _rate(bare.put, number), _rate(loa, number)):
            figures.add(f"writes: files a second, Loa / bare loop, {names} durable name(s)", second / first, "", target)
            figures.add(f"writes: bare loop, {names} durable name(s)", first, "files/s")
            figures.add("writes: Loa", second, "files/s")
    files.store.close()


class Bare:
    """What durable costs at the least: write, fsync, link, and fsync of the folder, for each of these contents."""

    def __init__(self, root: Path, contents: list[bytes]) -> None:
        self._contents = [(root / str(number), content) for number, content in enumerate(contents)]
        self._scratch = root / "tmp"
        for folder in (self._scratch, *(folder for folder, _ in self._contents)):
            folder.mkdir(parents=True)

    def put(self) -> None:
        """One file."""
        name = str(next(_numbers))
        for folder, content in self._contents:
            path = self._scratch / name
            with path.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            (folder / name).hardlink_to(path)
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
            path.unlink()


def _rate(deed: Callable[[], None], number: int) -> Callable[[int], Awaitable[float]]:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(number):
            deed()
        return number / (time.perf_counter() - began)

    return lambda _: asyncio.to_thread(run)


if __name__ == "__main__":
    asyncio.run(main())
