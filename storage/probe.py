"""Does a store do what write-once needs? Asked at start-up, by doing it."""

import hashlib
import secrets
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from storage.errors import StoreRefused

if TYPE_CHECKING:
    from storage.store import Store


def probe(store: "Store") -> None:
    """Write, read, swap and delete one small object. Raises StoreRefused; Unavailable or StoreFull as they come."""
    key = f"probe/{secrets.token_hex(8)}"
    placed = store.put_new(key, b"first")  # what fails here leaves nothing to delete
    try:
        for honoured, promise in chain([(placed, "take a new name")], _promises(store, key)):
            if not honoured:
                raise StoreRefused(f"{store.url(key)}: the store does not {promise}")
    finally:
        store.delete(key)
    if store.size(key) is not None:
        raise StoreRefused(f"{store.url(key)}: the store does not delete")


def _promises(store: "Store", key: str) -> Iterator[tuple[bool, str]]:
    """What each deed shows, one after the other: whether it was as it must be, and what the store promises there."""
    yield not store.put_new(key, b"second"), "refuse a name that is taken"
    yield store.get(key) == b"first", "keep what was written first"
    yield not store.swap(key, _sha256(b"second"), b"third"), "refuse a swap that comes too late"
    yield store.swap(key, _sha256(b"first"), b"third"), "swap"
    yield store.get(key, 1, 3) == b"hi", "show what was written last, by range"
    yield key in list(store.names("probe/")), "list what it holds"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
