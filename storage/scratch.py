"""Files in the making, in the same file system as the store, that a dead writer cannot leave behind.

A writer is known by a lock file, `tmp/<writer>.lock`, locked by flock for as long as its process lives, and keeps its
files in `tmp/<writer>/`. The lock comes before the folder and goes after it, so a sweeper that gets the lock knows that
the folder's writer is dead: killed, or gone with the power.
"""

import fcntl
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path


class Scratch:
    """One process's folder of files in the making, made when first needed. Raises OSError."""

    def __init__(self, root: Path) -> None:
        """`root`: the folder shared by all writers of the store, made when first needed."""
        self.root = root
        self._mutex = threading.Lock()
        self._numbers = count()
        self._folder: Path | None = None
        self._lock = -1
        self._pid = 0

    @contextmanager
    def file(self) -> Iterator[Path]:
        """A path of one's own, not existing yet; removed at the end."""
        path = self.folder() / str(next(self._numbers))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def owns(self, path: Path) -> bool:
        """Whether the path was given by `file` of any writer of this store."""
        return path.parent.parent == self.root

    def folder(self) -> Path:
        """This process's folder."""
        with self._mutex:
            if self._folder is None or self._pid != os.getpid():
                self._leave_to_parent()
                self._folder, self._lock = _make(self.root)
                self._pid = os.getpid()
            return self._folder

    def close(self) -> None:
        """Remove this process's folder and lock."""
        with self._mutex:
            self._leave_to_parent()
            if self._folder is not None:
                _remove(self._folder, self._lock)
                self._folder = None

    def _leave_to_parent(self) -> None:
        # After a fork the lock is shared: closing our copy leaves it with the parent, whose folder it is.
        if self._folder is not None and self._pid != os.getpid():
            os.close(self._lock)
            self._folder = None

    def sweep(self) -> int:
        """Remove the folders of dead writers; returns how many files they held."""
        if not self.root.is_dir():
            return 0
        writers = {path.name.removesuffix(".lock") for path in self.root.glob("w-*")}
        return sum(_sweep(self.root / writer) for writer in sorted(writers))


def _lock_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _take(folder: Path) -> int | None:
    """The folder's lock as an open file; None if a living writer or another sweeper has it."""
    path = _lock_path(folder)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A sweeper may have removed the name between our open and our lock: then the lock guards nothing.
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _make(root: Path) -> tuple[Path, int]:
    root.mkdir(parents=True, exist_ok=True)
    while True:
        folder = root / f"w-{secrets.token_hex(8)}"
        lock = _take(folder)
        if lock is not None:
            folder.mkdir()
            return folder, lock


def _remove(folder: Path, lock: int) -> None:
    """Remove folder, then lock; the lock is held until its name is gone."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            _lock_path(folder).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _sweep(folder: Path) -> int:
    lock = _take(folder)
    if lock is None:
        return 0
    found = 0
    with suppress(FileNotFoundError):
        found = len(list(folder.iterdir()))
    _remove(folder, lock)
    return found
