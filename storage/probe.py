"""Does a store do what write-once needs? Asked at start-up, by doing it."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from storage.errors import StoreRefused

if TYPE_CHECKING:
    from storage.store import Store


def probe(store: "Store") -> None:
    """Write, read, swap and delete one small object. Raises StoreRefused; Unavailable or StoreFull as they come."""
    key = f"probe/{secrets.token_hex(8)}"
    placed = store.put_new(key, b"first")  # what fails here leaves nothing to delete
    try:
        for honoured, promise in [(placed, "take a new name"), *_promises(store, key)]:
            if not honoured:
                raise StoreRefused(f"{store.url(key)}: the store does not {promise}")
    finally:
        store.delete(key)
    if store.size(key) is not None:
        raise StoreRefused(f"{store.url(key)}: the store does not delete")


def _promises(store: "Store", key: str) -> list[tuple[bool, str]]:
    return [
        (not store.put_new(key, b"second"), "refuse a name that is taken"),
        (store.get(key) == b"first", "keep what was written first"),
        (not store.swap(key, _sha256(b"second"), b"third"), "refuse a swap that comes too late"),
        (store.swap(key, _sha256(b"first"), b"third"), "swap"),
        (store.get(key, 1, 3) == b"hi", "show what was written last, by range"),
        (key in list(store.names("probe/")), "list what it holds"),
    ]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
