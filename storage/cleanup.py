"""Deleting: on request, at expiry, and what a writer that died left behind.

Every deletion goes the same way: a marker for the tombstone, the tombstone in place of the record, audio and pieces
removed, then the caller tells the world, and last of all `forget` drops the marker. A crash anywhere leaves the
marker, so that the next clean-up ends what was begun and tells it again, with the same tombstone.

What has no record is removed under a passing tombstone, which keeps a writer from committing it meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from storage import expiry, parts
from storage.errors import NotFound
from storage.expiry import Marker
from storage.files import FORMATS, AudioFiles, audio_key, metadata_key
from storage.records import Failure, Reason, Record, Tombstone, parse, sha256


@dataclass(frozen=True, slots=True)
class Due:
    """A marker to settle, and the time (never later than now) up to which files count as expired."""

    marker: Marker
    cutoff: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deletion to be told; once told, `CleanUp.forget` it."""

    tombstone: Tombstone
    marker: Marker | None


class CleanUp:
    """Deletes and forgets. All methods block and may raise StoreErrors; all may be repeated after any failure."""

    def __init__(self, files: AudioFiles, tombstone_days: float = 31, orphan_grace: float = 900) -> None:
        """`tombstone_days`: how long a deletion is remembered. `orphan_grace`: seconds that a writer may take."""
        self._files = files
        self._store = files.store
        self._remember = timedelta(days=tombstone_days)
        self._grace = timedelta(seconds=orphan_grace)

    def due(self, cutoff: datetime, shard: str) -> Iterator[Due]:
        """What to settle in one shard (a hex digit), the earliest first; a cutoff in the future means now."""
        cutoff = min(cutoff, self._files.clock())
        return (Due(marker, cutoff) for marker in expiry.due(self._store, cutoff, shard))

    def settle(self, due: Due) -> Deleted | None:
        """Do what a marker asks for. Deleted: tell it, then `forget` it. None: nothing to tell.

        Raises CorruptRecord, and leaves everything, where the metadata cannot be read.
        """
        raw = self._files.raw(due.marker.file_id)
        if raw is None:
            return self._settle_orphan(due)
        stored = parse(raw)
        if isinstance(stored, Tombstone):
            return self._settle_tombstone(due, stored)
        if isinstance(stored, Failure):
            self._settle_failure(due, stored, raw)
            return None
        if not stored.pinned and stored.expires_at <= min(due.cutoff, self._files.clock()):
            tombstone = self._bury(stored, raw, "expired")
            return Deleted(tombstone, due.marker) if tombstone else None
        self._replace_marker(due.marker, stored, raw)
        return None

    def _replace_marker(self, marker: Marker, record: Record, raw: bytes) -> None:
        """The file lives longer than its marker knew, or is pinned: it has another marker, or gets it now."""
        self._files.mark(record)
        self._drop(marker)
        # Released meanwhile, it may need the very marker that was just dropped; released later, it gets that again.
        now = self._files.raw(record.file_id)
        if now is not None and now != raw and isinstance(stored := parse(now), Record):
            self._files.mark(stored)

    def delete(self, file_id: str, reason: Reason = "requested") -> Deleted | None:
        """Delete now. The tombstone is the first deletion's, however often it is called.

        None if there is no file, or if it is pinned.
        """
        while (raw := self._files.raw(file_id)) is not None:
            stored = parse(raw)
            if isinstance(stored, Tombstone):
                return self._again(stored)
            if isinstance(stored, Failure) or (isinstance(stored, Record) and stored.pinned):
                return None
            tombstone = self._bury(stored, raw, reason)
            if tombstone is not None:
                return Deleted(tombstone, Marker.at(stored.expires_at, file_id))
        return None

    def forget(self, deleted: Deleted) -> None:
        """The deletion was told: drop what would tell it again."""
        tombstone, marker = deleted.tombstone, deleted.marker
        if tombstone.passing:
            self._store.delete(metadata_key(tombstone.file_id))
        # The very second may also be the one at which the tombstone is to be forgotten.
        if marker is not None and (tombstone.passing or marker != Marker.at(tombstone.forget_at, tombstone.file_id)):
            self._drop(marker)

    def _again(self, tombstone: Tombstone) -> Deleted | None:
        if tombstone.passing:
            return None
        self._remove(tombstone.file_id)
        known = tombstone.expires_at
        return Deleted(tombstone, Marker.at(known, tombstone.file_id) if known else None)

    def _settle_tombstone(self, due: Due, tombstone: Tombstone) -> Deleted | None:
        self._remove(tombstone.file_id)
        if tombstone.passing or tombstone.forget_at > self._files.clock():
            return Deleted(tombstone, due.marker)
        self._store.delete(metadata_key(tombstone.file_id))
        self._drop(due.marker)
        return None

    def _settle_failure(self, due: Due, failure: Failure, raw: bytes) -> None:
        """A failure has no file: what an earlier try left goes, and the failure itself when its time has come."""
        now, key = self._files.clock(), metadata_key(failure.file_id)
        if now < due.marker.time + self._grace:
            return
        # As long as it says so, no later try can commit audio under our hands.
        held = failure.model_copy(update={"passing": True}).to_bytes()
        if not failure.passing and not self._store.swap(key, sha256(raw), held):
            return
        self._remove(failure.file_id)
        if failure.forget_at <= now:
            self._store.delete(key)
        else:
            self._store.swap(key, sha256(held), failure.model_copy(update={"passing": False}).to_bytes())
        self._drop(due.marker)

    def _settle_orphan(self, due: Due) -> Deleted | None:
        """Nothing was committed: a writer died, or is still at it."""
        file_id = due.marker.file_id
        now = self._files.clock()
        if now < due.marker.time + self._grace:
            return None
        sizes = [self._store.size(key) for key in self._audio(file_id)]
        pieces = self._parts(file_id)
        if not pieces and not any(size is not None for size in sizes):
            self._drop(due.marker)
            return None
        size = sum(size or 0 for size in sizes)
        tombstone = Tombstone(
            file_id=file_id, deleted_at=now, reason="orphaned", forget_at=now, file_size=size, **self._note(due.marker)
        )
        if not self._store.put_new(metadata_key(file_id), tombstone.to_bytes()):
            # Its writer was alive after all, or another clean-up is at it: the marker stays for the next time.
            return None
        self._remove(file_id)
        return Deleted(tombstone, due.marker)

    def _bury(self, record: Record, raw: bytes, reason: Reason) -> Tombstone | None:
        """Put the tombstone in the record's place and remove the rest; None if another changed it first."""
        deleted_at = self._files.clock()
        tombstone = Tombstone.of(record, deleted_at, reason, deleted_at + self._remember)
        reminder = Marker.at(tombstone.forget_at, record.file_id)
        self._store.put_new(reminder.key, b"{}")
        if not self._store.swap(metadata_key(record.file_id), sha256(raw), tombstone.to_bytes()):
            return None
        self._remove(record.file_id)
        return tombstone

    def _remove(self, file_id: str) -> None:
        self._store.delete(*self._audio(file_id), *self._parts(file_id))

    def _audio(self, file_id: str) -> list[str]:
        return [audio_key(file_id, audio_format) for audio_format in FORMATS]

    def _parts(self, file_id: str) -> list[str]:
        return list(self._store.names(parts.folder(file_id)))

    def _drop(self, marker: Marker) -> None:
        self._store.delete(marker.key)

    def _note(self, marker: Marker) -> dict[str, Any]:
        """Whose file it was to be, as its marker tells."""
        try:
            value = orjson.loads(self._store.get(marker.key))
        except (NotFound, orjson.JSONDecodeError):
            return {}
        return {name: value[name] for name in ("request_id", "tenant", "file_path") if name in value}
