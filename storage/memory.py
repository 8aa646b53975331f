"""A store in memory: for tests, and for trying things out. It forgets everything with the process."""

import hashlib
import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.errors import NotFound, translated
from storage.probe import probe
from storage.store import Source, check_key, check_prefix


class MemoryStore:
    """`Store` over a dictionary. Scratch files are in the system's temporary folder."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}
        self._mutex = threading.Lock()

    def put_new(self, key: str, source: Source) -> bool:
        """See `Store.put_new`."""
        data = _read(source)
        with self._mutex:
            if check_key(key) in self._held:
                return False
            self._held[key] = data
            return True

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """See `Store.put_in_order`."""
        return (self.put_new(key, source) for key, source in puts)

    def put(self, key: str, source: Source) -> None:
        """See `Store.put`."""
        data = _read(source)
        with self._mutex:
            self._held[check_key(key)] = data

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        """See `Store.swap`."""
        data = _read(source)
        with self._mutex:
            held = self._held.get(check_key(key))
            if held is None or hashlib.sha256(held).hexdigest() != sha256:
                return False
            self._held[key] = data
            return True

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """See `Store.get`."""
        return self._get(key)[start:end]

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """See `Store.open`."""
        return io.BytesIO(self.get(key, start, end))

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        with self._mutex:
            data = self._held.get(check_key(key))
        return None if data is None else len(data)

    def digest(self, key: str) -> str | None:
        """See `Store.digest`."""
        with self._mutex:
            data = self._held.get(check_key(key))
        return None if data is None else hashlib.sha256(data).hexdigest()

    def delete(self, *keys: str) -> None:
        """See `Store.delete`."""
        with self._mutex:
            for key in keys:
                self._held.pop(check_key(key), None)

    def sync(self, *keys: str) -> None:
        """See `Store.sync`."""

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `Store.names`."""
        least = after.encode()
        return (key for key in self._within(check_prefix(prefix)) if key.encode() > least)

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        names = (key[len(prefix) :].partition("/") for key in self._within(check_prefix(prefix)))
        return iter(dict.fromkeys(name for name, slash, _ in names if slash))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See `Store.scratch`."""
        with tempfile.TemporaryDirectory(prefix="loa-") as folder:
            yield Path(folder) / "scratch"

    def sweep(self) -> int:
        """See `Store.sweep`: a memory has no dead writers."""
        return 0

    def probe(self) -> None:
        """See `Store.probe`."""
        probe(self)

    def url(self, key: str) -> str:
        """`memory:` and the key."""
        return f"memory:{check_key(key)}"

    def link(self, key: str, seconds: float) -> str | None:
        """See `Store.link`: there is none."""

    def close(self) -> None:
        """See `Store.close`."""

    def _get(self, key: str) -> bytes:
        with self._mutex:
            data = self._held.get(check_key(key))
        if data is None:
            raise NotFound(f"{key}: not found")
        return data

    def _within(self, prefix: str) -> list[str]:
        with self._mutex:
            return sorted((key for key in self._held if key.startswith(prefix)), key=str.encode)


def _read(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    with translated(str(source)):
        return source.read_bytes()
