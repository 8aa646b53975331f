"""A directory as a store.

Write-once is a hard link: it fails if the name is taken, and shows the file whole or not at all. Durable is: the file's
bytes, then the name in its folder, then the folder's own name where it is new. Folders exist while they hold something;
one that its last writer emptied just before it died may stay, and does no harm.
"""

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from storage.errors import Unavailable, translated
from storage.probe import probe
from storage.resting import Resting, rest
from storage.scratch import Scratch
from storage.store import SCRATCH, Source, check_key, check_prefix

T = TypeVar("T")

_KNOWN_FOLDERS = 10_000
_TRIES = 5_000


class LocalStore:
    """`Store` over the directory `root`, which is made when first needed; any number of processes may share it."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self._scratch = Scratch(self.root / SCRATCH)
        self._resting = Resting()
        self._durable: set[Path] = set()
        self._mutex = threading.Lock()

    def put_new(self, key: str, source: Source) -> bool:
        """See `Store.put_new`."""
        path = self._path(key)
        with translated(key), self._at_rest(source) as ready:
            return self._named(path, partial(_linked, ready, path))

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """See `Store.put_in_order`. All bytes come to rest at once, beside the first name; then name after name."""
        with ExitStack() as stack:
            files = []
            for key, source in puts:
                with translated(key):
                    files.append(stack.enter_context(self._written(source)))
            moving: Sequence[Path] = files
            for (key, _), file in zip(puts, files, strict=True):
                path = self._path(key)
                with translated(key):
                    placed = self._named(path, partial(_linked, file, path), moving)
                moving = ()
                yield placed

    def put(self, key: str, source: Source) -> None:
        """See `Store.put`."""
        path = self._path(key)
        with translated(key), self._at_rest(source) as ready, self._scratch.file() as name:
            os.link(ready, name)
            self._named(path, partial(name.replace, path))

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        """See `Store.swap`."""
        path = self._path(key)
        with translated(key), self._at_rest(source) as ready, self._scratch.file() as name:
            os.link(ready, name)
            try:
                with self._exclusive(), path.open("rb") as held:
                    if hashlib.file_digest(held, "sha256").hexdigest() != sha256:
                        return False
                    name.replace(path)
            except FileNotFoundError:
                return False
            self._resting.all((), [path.parent])
            return True

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """See `Store.get`."""
        with translated(key), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(max(0, end - start))

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """See `Store.open`."""
        with translated(key):
            file = self._path(key).open("rb")
            file.seek(start)
            return file

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        with translated(key):
            try:
                return self._path(key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def digest(self, key: str) -> str | None:
        """See `Store.digest`."""
        with translated(key), suppress(FileNotFoundError, NotADirectoryError), self._path(key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return None

    def delete(self, *keys: str) -> None:
        """See `Store.delete`."""
        gone = []
        for key in keys:
            path = self._path(key)
            with translated(key), suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
                gone.append(path)
        folders = {path.parent for path in gone}
        self._rest(folders)
        for folder in folders:
            self._prune(folder)

    def sync(self, *keys: str) -> None:
        """See `Store.sync`. Bytes are at rest before they get a name, so that only names are left to do."""
        self._rest({self._path(key).parent for key in keys})

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `Store.names`."""
        least = after.encode()
        for name, is_folder in self._entries(check_prefix(prefix)):
            path = f"{prefix}{name}/" if is_folder else prefix + name
            if is_folder and (path.encode() > least or after.startswith(path)):
                yield from self.names(path, after)
            elif not is_folder and path.encode() > least:
                yield path

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        return (name for name, is_folder in self._entries(check_prefix(prefix)) if is_folder)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See `Store.scratch`."""
        with translated("scratch"):
            file = self._scratch.file()
            path = file.__enter__()
        try:
            yield path
        finally:
            with translated("scratch"):
                file.__exit__(None, None, None)

    def sweep(self) -> int:
        """See `Store.sweep`."""
        with translated("sweep"):
            return self._scratch.sweep()

    def probe(self) -> None:
        """See `Store.probe`."""
        probe(self)

    def url(self, key: str) -> str:
        """The file's absolute path."""
        return str(self._path(key))

    def link(self, key: str, seconds: float) -> str | None:
        """See `Store.link`: there is none."""

    def close(self) -> None:
        """See `Store.close`."""
        self._resting.close()
        with translated("close"):
            self._scratch.close()

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _rest(self, folders: Iterable[Path]) -> None:
        with translated(str(self.root)):
            self._resting.all((), folders)

    @contextmanager
    def _at_rest(self, source: Source) -> Iterator[Path]:
        """A name in scratch for the source's bytes, which are on the disk."""
        with self._written(source) as path:
            rest(path)
            yield path

    @contextmanager
    def _written(self, source: Source) -> Iterator[Path]:
        """A name in scratch for the source's bytes, wherever they are."""
        if isinstance(source, Path) and self._scratch.owns(source):
            if not source.exists():
                raise Unavailable(f"{source.name}: was not written, or did not come to rest when it was put before")
            yield source
            return
        with self._scratch.file() as path:
            with path.open("xb") as file:
                if isinstance(source, Path):
                    with source.open("rb") as original:
                        shutil.copyfileobj(original, file, 1 << 20)
                else:
                    file.write(source)
            yield path

    def _named(self, path: Path, name: Callable[[], T], files: Sequence[Path] = ()) -> T:
        """Do what gives `path` its name, in a folder that another process may be removing, and make it last.

        `files` come to rest beside it.
        """
        for _ in range(_TRIES):
            try:
                folders = self._made(path.parent)
                named = name()
            except FileNotFoundError:
                self._durable.discard(path.parent)
                continue
            self._resting.all(files, folders)
            self._know(path.parent)
            return named
        raise Unavailable(f"{path}: its folder vanishes again and again")

    def _made(self, folder: Path) -> list[Path]:
        """Have the folder and its parents; which of them have names to bring to rest, now that one is added.

        All that are not known to be durable: others may have made them and not come to making them last.
        """
        if folder in self._durable:
            return [folder]
        missing = [folder, *(parent for parent in folder.parents if parent.is_relative_to(self.root))]
        for each in reversed(missing):
            # Not with exist_ok, which fails where the folder is there first, and is gone when it is looked at.
            with suppress(FileExistsError):
                each.mkdir(parents=each == self.root)
        return [*missing, self.root.parent]

    def _know(self, folder: Path) -> None:
        with self._mutex:
            if folder not in self._durable and len(self._durable) >= _KNOWN_FOLDERS:
                self._durable.clear()
            self._durable.add(folder)

    def _prune(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return
            self._durable.discard(folder)
            folder = folder.parent

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        lock = os.open(self._scratch.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _entries(self, prefix: str) -> list[tuple[str, bool]]:
        with translated(prefix):
            try:
                with os.scandir(self.root / prefix) as entries:
                    found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            except (FileNotFoundError, NotADirectoryError):
                return []
        if not prefix:
            found = [entry for entry in found if entry[0] != SCRATCH]
        return sorted(found, key=lambda entry: os.fsencode(entry[0] + "/" * entry[1]))


def _linked(file: Path, path: Path) -> bool:
    """Whether the path was free, and is the file's name now."""
    try:
        os.link(file, path)
    except FileExistsError:
        return False
    return True
