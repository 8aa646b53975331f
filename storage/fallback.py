"""Two stores as one, while audio moves from the old to the new: what the new has not is read from the old.

What is written goes to the new, what is deleted goes from both. Write-once holds over the two, as long as nobody writes
to the old past this: a name is free if neither has it, and what is swapped in the old is put into the new beside it, of
which the first wins there. A copy of the old into the new may go on meanwhile.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from storage.errors import NotFound
from storage.store import Source, Store


class FallbackStore:
    """`Store` over a new one and, for what that has not yet, an old one."""

    def __init__(self, new: Store, old: Store) -> None:
        self.new = new
        self.old = old

    def put_new(self, key: str, source: Source) -> bool:
        """See `Store.put_new`."""
        if self.old.size(key) is not None:
            self.old.sync(key)
            return False
        return self.new.put_new(key, source)

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """See `Store.put_in_order`."""
        return (self.put_new(key, source) for key, source in puts)

    def put(self, key: str, source: Source) -> None:
        """See `Store.put`."""
        self.new.put(key, source)

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        """See `Store.swap`."""
        if self.new.size(key) is not None:
            return self.new.swap(key, sha256, source)
        if self.old.digest(key) != sha256:
            return False
        # Of several only one takes the name; but it may also be a copy, of just what is to be swapped.
        return self.new.put_new(key, source) or self.new.swap(key, sha256, source)

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """See `Store.get`."""
        try:
            return self.new.get(key, start, end)
        except NotFound:
            return self.old.get(key, start, end)

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """See `Store.open`."""
        try:
            return self.new.open(key, start, end)
        except NotFound:
            return self.old.open(key, start, end)

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        size = self.new.size(key)
        return self.old.size(key) if size is None else size

    def digest(self, key: str) -> str | None:
        """See `Store.digest`."""
        return self.new.digest(key) or self.old.digest(key)

    def delete(self, *keys: str) -> None:
        """See `Store.delete`. From the old first: what it has must not show through what is gone from the new."""
        self.old.delete(*keys)
        self.new.delete(*keys)

    def sync(self, *keys: str) -> None:
        """See `Store.sync`."""
        self.old.sync(*keys)
        self.new.sync(*keys)

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `Store.names`."""
        both = merge(self.new.names(prefix, after), self.old.names(prefix, after), key=str.encode)
        return (key for key, _ in groupby(both))

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        both = {*self.new.folders(prefix), *self.old.folders(prefix)}
        return iter(sorted(both, key=lambda name: f"{name}/".encode()))

    def scratch(self) -> AbstractContextManager[Path]:
        """See `Store.scratch`: of the new."""
        return self.new.scratch()

    def sweep(self) -> int:
        """See `Store.sweep`: of both."""
        return self.new.sweep() + self.old.sweep()

    def probe(self) -> None:
        """See `Store.probe`: the new, and whether the old can be read."""
        self.new.probe()
        list(self.old.folders("probe/"))

    def link(self, key: str, seconds: float) -> str | None:
        """See `Store.link`: of the one that has it."""
        moved = self.old.size(key) is None or self.new.size(key) is not None
        return (self.new if moved else self.old).link(key, seconds)

    def url(self, key: str) -> str:
        """As the new says."""
        return self.new.url(key)

    def close(self) -> None:
        """See `Store.close`."""
        self.new.close()
        self.old.close()
