"""Expiry changed after the fact: a file may be kept longer, or pinned, so that nothing deletes it until it is released.

The order is that of every file: the marker of the new expiry, then the record, by compare and swap. The marker of the
old expiry stays; clean-up that meets it drops it, and only after the new one stands. An expiry only ever moves later:
what was announced of a file is a promise, and whoever wants it gone earlier deletes it.
"""

from datetime import datetime, timedelta

from storage.files import AudioFiles, metadata_key
from storage.records import Record, parse, sha256

_LATER = timedelta(microseconds=1)


class Retention:
    """Keeps files longer. Blocks, may raise StoreErrors, and may be repeated after any failure."""

    def __init__(self, files: AudioFiles) -> None:
        self._files = files

    def change(self, file_id: str, expires_at: datetime | None = None, pinned: bool | None = None) -> Record | None:
        """Have the file expire no earlier than that, and pin (True) or release (False) it; None leaves as it is.

        Returns the record that says so, whoever made it say so. None: there is no file, or its time was over before
        it could be kept. Raises CorruptRecord.
        """
        while (raw := self._files.raw(file_id)) is not None:
            stored = parse(raw)
            if not isinstance(stored, Record):
                return None
            changed = self._changed(stored, expires_at, pinned)
            if changed is stored:
                return stored
            if self._over(stored):
                return None
            if self._commit(raw, changed):
                return changed
        return None

    def _over(self, record: Record) -> bool:
        """Whether clean-up may be removing it now."""
        return not record.pinned and record.expires_at <= self._files.clock()

    def _changed(self, record: Record, expires_at: datetime | None, pinned: bool | None) -> Record:
        until = max(record.expires_at, expires_at or record.expires_at)
        held = record.pinned if pinned is None else pinned
        if (until, held) == (record.expires_at, record.pinned):
            return record
        now = self._files.clock()
        time = now if record.retained_at is None else max(now, record.retained_at + _LATER)
        return record.model_copy(update={"expires_at": until, "pinned": held, "retained_at": time})

    def _commit(self, raw: bytes, changed: Record) -> bool:
        self._files.mark(changed)
        if not self._files.store.swap(metadata_key(changed.file_id), sha256(raw), changed.to_bytes()):
            return False
        # What is due at once may have met a clean-up that saw it pinned still, and put its marker off by a day.
        if self._over(changed):
            self._files.mark(changed)
        return True
