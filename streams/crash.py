"""Places at which a fault test lets a worker die, as if by `kill -9`: after every effect and before the next.

`LOA_CRASH_AT` names one; without it nothing happens.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.store import Source, Store

VARIABLE = "LOA_CRASH_AT"

STORE_POINTS = ("marker", "part", "audio", "record", "tombstone", "removed")


def crash_point(name: str) -> None:
    """Die here if the environment says so."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)


class CrashingStore:
    """A store that may die after each effect; everything else is the store's own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_new(self, key: str, source: Source) -> bool:
        """See `Store.put_new`."""
        placed = self._store.put_new(key, source)
        crash_point(f"store.{_kind(key, source)}")
        return placed

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """See `Store.put_in_order`."""
        for (key, source), placed in zip(puts, self._store.put_in_order(*puts), strict=True):
            crash_point(f"store.{_kind(key, source)}")
            yield placed

    def put(self, key: str, source: Source) -> None:
        """See `Store.put`."""
        self._store.put(key, source)
        crash_point(f"store.{_kind(key, source)}")

    def swap(self, key: str, old: str, source: Source) -> bool:
        """See `Store.swap`."""
        swapped = self._store.swap(key, old, source)
        crash_point(f"store.{_kind(key, source)}")
        return swapped

    def delete(self, *keys: str) -> None:
        """See `Store.delete`."""
        self._store.delete(*keys)
        crash_point("store.removed")


def _kind(key: str, source: Source) -> str:
    if key.startswith("expiry/"):
        return "marker"
    if key.startswith("parts/"):
        return "part"
    if not key.startswith("metadata/"):
        return "audio"
    data = source.read_bytes() if isinstance(source, Path) else source
    return "tombstone" if b'"deleted_at"' in data else "record"


def crashing(store: Store) -> Store:
    """The store itself, or one that may die where `LOA_CRASH_AT` says `store.…`."""
    return CrashingStore(store) if os.environ.get(VARIABLE, "").startswith("store.") else store
