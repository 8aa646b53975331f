"""The life of files in a directory: clean-up beside many files that live on, and first writes beside bare loops.

make bench-lifecycle [ARGS="--rounds 5 --quick --only writes --json FILE"]

clean-up  the same number of expired files, in a store of few other files and in one of very many
writes    files put once, durably, against loops that write, sync and name files with nothing around it
"""

import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
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
FILL_SECONDS = 600
AUDIO = 48_044
"""Bytes of a second of 16-bit audio at 24 kHz, and the header of a wav."""
WRITES, QUICK_WRITES = 200, 20
AT_ONCE = (1, 4)
"""How many files are being written at a time: one after the other, and as by a worker with some engines."""

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
    """Files a second: Loa against less than it gives each file (no name, one name) and against just that (three)."""
    files = AudioFiles(LocalStore(folder / "written"))
    audio = os.urandom(AUDIO)

    def loa() -> None:
        put(files, f"r{next(_numbers)}", audio)

    baselines = {
        "write + fsync": WriteAndSync(folder / "synced", audio),
        "one durable name": Named(folder / "named", [audio]),
        "three durable names": Named(folder / "thrice", [audio, bytes(800), bytes(80)]),
    }
    for at_once in AT_ONCE:
        for name, bare in baselines.items():
            target = "" if name.startswith("three") else ">= 0.6"
            async for first, second in pairs(rounds, _rate(bare.put, number, at_once), _rate(loa, number, at_once)):
                figures.add(f"writes, {at_once} at once: Loa / {name}", second / first, "", target)
                figures.add(f"writes, {at_once} at once: {name}", first, "files/s")
                figures.add(f"writes, {at_once} at once: Loa", second, "files/s")
    files.store.close()


class WriteAndSync:
    """The least that can be called written: bytes under a name, and fsync of these."""

    def __init__(self, root: Path, content: bytes) -> None:
        self._root, self._content = root, content
        root.mkdir()

    def put(self) -> None:
        """One file."""
        _written(self._root / str(next(_numbers)), self._content)


class Named:
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
            _written(path, content)
            (folder / name).hardlink_to(path)
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
            path.unlink()


def _written(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rate(deed: Callable[[], None], number: int, at_once: int) -> Callable[[int], Awaitable[float]]:
    def run() -> float:
        with ThreadPoolExecutor(at_once) as threads:
            began = time.perf_counter()
            list(threads.map(lambda _: deed(), range(number)))
            return number / (time.perf_counter() - began)

    return lambda _: asyncio.to_thread(run)


if __name__ == "__main__":
    asyncio.run(main())
