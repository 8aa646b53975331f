"""What is in the store of a file that is not committed yet: for who listens meanwhile, and for who goes on.

    parts/<file_id>/<k>          pieces of the file itself, in order, from 1: who has come as far as k finds the rest in
                                 the file once it is there
    parts/<file_id>/spoken/<k>   what was spoken as chunk k: who takes the request after a crash does not speak it again

All go once the file is committed or has failed. A marker comes first, so that what a writer leaves that dies is cleaned
up.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from storage.errors import NotFound
from storage.expiry import Marker
from storage.records import Record, Stored
from storage.store import Store

_SPOKEN = "spoken/"
_DIGEST_BYTES = hashlib.sha256().digest_size


def folder(file_id: str) -> str:
    """Where the parts of a file are."""
    return f"parts/{file_id}/"


def read(store: Store, file_id: str, k: int) -> bytes | None:
    """Piece k of the file; None if it is not there yet, or not any more. Raises StoreError."""
    try:
        return store.get(f"{folder(file_id)}{k}")
    except NotFound:
        return None


@dataclass(slots=True)
class PartFolder:
    """All parts of one file; `until`: when it will expire, about. Blocking; raises StoreErrors."""

    store: Store
    file_id: str
    until: datetime
    note: dict[str, Any]
    """What the marker tells of the file, should nothing else come of it."""
    marked: bool = False

    def put_new(self, name: str, data: bytes) -> None:
        """A part that stays if it is there already."""
        self._mark()
        self.store.put_new(folder(self.file_id) + name, data)

    def put(self, name: str, data: bytes) -> None:
        """A part in place of what is there."""
        self._mark()
        self.store.put(folder(self.file_id) + name, data)

    def names(self, within: str = "") -> Iterator[str]:
        """Keys of the parts in a folder of this one ("" or "a/")."""
        return self.store.names(folder(self.file_id) + within)

    def end(self, outcome: Stored | None) -> None:
        """Remove all parts. `outcome`: what was committed; its own marker then does for this one."""
        self.store.delete(*self.names())
        if self.marked and isinstance(outcome, Record) and Marker.at(outcome.expires_at, self.file_id) != self._marker:
            self.store.delete(self._marker.key)

    def _mark(self) -> None:
        if not self.marked:
            self.store.put_new(self._marker.key, orjson.dumps(self.note))
            self.marked = True

    @property
    def _marker(self) -> Marker:
        return Marker.at(self.until, self.file_id)


@dataclass(slots=True)
class PartWriter:
    """Writes the pieces of one file. Blocking; raises StoreErrors."""

    folder: PartFolder
    count: int = 0

    def add(self, data: bytes) -> None:
        """The next piece. One that an earlier try wrote stays: the same request makes the same bytes."""
        self.folder.put_new(str(self.count + 1), data)
        self.count += 1


@dataclass(slots=True)
class SpokenParts:
    """The spoken chunks of one file, each under its number and with what it is of. Blocking; raises StoreErrors.

    A part is the SHA-256 of what it is of, that of the bytes, and the bytes.
    """

    folder: PartFolder

    def there(self) -> set[int]:
        """Numbers of the chunks that somebody has put there."""
        names = (key.rpartition("/")[2] for key in self.folder.names(_SPOKEN))
        return {int(name) for name in names if name.isdecimal()}

    def put(self, k: int, identity: bytes, data: bytes) -> None:
        """Chunk k; `identity`: all that decides what it is."""
        self.folder.put(f"{_SPOKEN}{k}", _digest(identity) + _digest(data) + data)

    def get(self, k: int, identity: bytes) -> bytes | None:
        """Chunk k, if it is that one, and whole."""
        try:
            found = self.folder.store.get(f"{folder(self.folder.file_id)}{_SPOKEN}{k}")
        except NotFound:
            return None
        data = found[2 * _DIGEST_BYTES :]
        return data if found[: 2 * _DIGEST_BYTES] == _digest(identity) + _digest(data) else None

    def clear(self) -> None:
        """Give their room back."""
        self.folder.store.delete(*self.folder.names(_SPOKEN))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
