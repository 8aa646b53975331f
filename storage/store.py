"""The seam to every place that can keep bytes under names: a local directory, an object store, memory.

It is cut to what object stores offer: conditional put, compare and swap, list by prefix with a delimiter; no rename, no
append, no folder without content. All methods block, are safe to call from several threads, and raise only StoreErrors.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from storage.errors import BadKey

Source = bytes | Path
"""Bytes, or a file whose content is taken. A file is left where it is and must not be changed afterwards."""

SCRATCH = "tmp"
"""The first part of names that belong to the store itself."""

_LONGEST = 255


class Store(Protocol):
    """Named, immutable-once-read bytes. Keys are '/'-separated; a key is never also the folder of another.

    Everything is durable when its call returns: it survives power loss.
    """

    def put_new(self, key: str, source: Source) -> bool:
        """Store under a key that is free. False, and nothing changed, if it is taken (what took it is then durable)."""
        ...

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """`put_new` of each in its turn, as the iterator is asked for it; sooner done than one after the other.

        No crash leaves one without all before it. Only of the first may it leave the name alone, and nothing else.
        """
        ...

    def put(self, key: str, source: Source) -> None:
        """Store, replacing atomically what was there: a reader sees the old or the new, whole."""
        ...

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        """Replace atomically if the key still holds bytes of that hash; False if it does not, or holds nothing.

        Against other `swap`s and `put_new`s only: a key that is swapped is not for `put`.
        """
        ...

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` up to but not including `end`. Raises NotFound."""
        ...

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """A seekable reader of what is there now; a later delete or put does not disturb it. Raises NotFound.

        It stands at `start`. What is before that, and from `end` on, may not be in it: it is not fetched.
        """
        ...

    def size(self, key: str) -> int | None:
        """Bytes stored under the key; None if nothing is."""
        ...

    def digest(self, key: str) -> str | None:
        """The SHA-256 of what is stored under the key, as cheaply as the store can tell; None if nothing is."""
        ...

    def delete(self, *keys: str) -> None:
        """Remove what is there. None of it comes back after a power loss."""
        ...

    def sync(self, *keys: str) -> None:
        """What can be read at the keys now, whoever put it, is durable when this returns."""
        ...

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """All keys in that folder ("" or "a/b/"), at any depth, in the order of their bytes. Not a snapshot.

        Some stores order folder by folder, so that what is in `a/` comes before `a-b`. No two of Loa's names are such.
        `after`: only those that come after that key, at no greater cost than theirs.
        """
        ...

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Names of the folders directly in that folder, in the order of their bytes.

        Some stores show a folder for a while after the last that it held is gone.
        """
        ...

    def scratch(self) -> AbstractContextManager[Path]:
        """A private path, where nothing is yet, for a file in the making; removed at the end.

        `put_new` of such a file costs no copy where the store can avoid it. The body's own errors pass unchanged. Once
        a put of it has failed, it may be gone: Unavailable is raised then, and its bytes have to be written anew.
        """
        ...

    def sweep(self) -> int:
        """Remove what writers that died left in scratch; returns how many files. Living writers' stays."""
        ...

    def probe(self) -> None:
        """Raises StoreRefused if the store does not honour write-once, swap and read-after-write; leaves nothing."""
        ...

    def url(self, key: str) -> str:
        """What a record's `file_path` says for that key: a path, or a URL."""
        ...

    def link(self, key: str, seconds: float) -> str | None:
        """A URL by which anybody can fetch what is there for so long; None from a store that gives no such."""
        ...

    def close(self) -> None:
        """Give back what the store holds. Idempotent."""
        ...


def check_key(key: str) -> str:
    """The key itself. Raises BadKey for what not every store could hold, or what would leave the store's folder."""
    parts = key.split("/")
    if parts[0] == SCRATCH:
        raise BadKey(f"key {key!r}: names in {SCRATCH}/ are the store's own")
    for part in parts:
        if not part or part in {".", ".."} or len(part.encode()) > _LONGEST or not part.isprintable() or "\\" in part:
            raise BadKey(f"key {key!r}: {part!r} is not a name")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself: "" or a folder with its closing '/'. Raises BadKey."""
    if prefix:
        if not prefix.endswith("/"):
            raise BadKey(f"prefix {prefix!r}: a folder ends with '/'")
        check_key(prefix[:-1])
    return prefix
