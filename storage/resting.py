"""Bringing files and folders to rest: what `fsync` promises, for several at once."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

_THREADS = 16


class Resting:
    """Waits for the disk in threads of its own, made when first needed: what waits side by side waits once."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    def all(self, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """Have the bytes of these files (see `rest`) on the disk, and the names in these folders. Raises OSError.

        A folder that is gone was emptied by others: what was put there has been deleted, there is nothing to keep.
        """
        deeds: list[Callable[[], None]] = [partial(rest, file) for file in files]
        deeds += (partial(_fsync_folder, folder) for folder in folders)
        others = [self._threads().submit(deed) for deed in deeds[1:]]
        try:
            for deed in deeds[:1]:
                deed()
        finally:
            if others:
                wait(others)
        for other in others:
            other.result()

    def close(self) -> None:
        """End the threads; new ones are made if they are needed."""
        with self._mutex:
            if self._pool is not None and self._pid == os.getpid():
                self._pool.shutdown()
            self._pool = None

    def _threads(self) -> ThreadPoolExecutor:
        with self._mutex:
            if self._pool is None or self._pid != os.getpid():  # threads do not come along with a fork
                self._pool, self._pid = ThreadPoolExecutor(_THREADS, "loa-sync"), os.getpid()
            return self._pool


def rest(file: Path) -> None:
    """Have the bytes of a file on the disk, or the file removed. Raises OSError.

    What the system could not write it takes for written the next time that it is asked: there must be no next time.
    """
    with _opened(file) as descriptor:
        try:
            os.fsync(descriptor)
        except OSError:
            file.unlink(missing_ok=True)
            raise


def _fsync_folder(folder: Path) -> None:
    with suppress(FileNotFoundError), _opened(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
