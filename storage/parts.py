"""The pieces of a file that is being spoken, for who listens meanwhile.

    parts/<file_id>/<k>

They are written in order, from 1, and removed once the file is committed or has failed: who has come as far as k then
finds the rest in the file itself. A marker comes first, so that what a writer leaves that dies is cleaned up.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from storage.errors import NotFound
from storage.expiry import Marker
from storage.records import Record, Stored
from storage.store import Store


def folder(file_id: str) -> str:
    """Where the pieces of a file are."""
    return f"parts/{file_id}/"


def read(store: Store, file_id: str, k: int) -> bytes | None:
    """Piece k; None if it is not there yet, or not any more. Raises StoreError."""
    try:
        return store.get(f"{folder(file_id)}{k}")
    except NotFound:
        return None


@dataclass(slots=True)
class PartWriter:
    """Writes the pieces of one file; `until`: when it will expire, about. Blocking; raises StoreErrors."""

    store: Store
    file_id: str
    until: datetime
    note: dict[str, Any]
    """What the marker tells of the file, should nothing else come of it."""
    count: int = 0

    def add(self, data: bytes) -> None:
        """The next piece. One that an earlier try wrote stays: the same request makes the same bytes."""
        if not self.count:
            self.store.put_new(self._marker.key, orjson.dumps(self.note))
        self.store.put_new(f"{folder(self.file_id)}{self.count + 1}", data)
        self.count += 1

    def end(self, outcome: Stored | None) -> None:
        """Remove the pieces. `outcome`: what was committed; its own marker then does for this one."""
        self.store.delete(*self.store.names(folder(self.file_id)))
        if self.count and isinstance(outcome, Record) and Marker.at(outcome.expires_at, self.file_id) != self._marker:
            self.store.delete(self._marker.key)

    @property
    def _marker(self) -> Marker:
        return Marker.at(self.until, self.file_id)
