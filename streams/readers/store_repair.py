"""What a look through a store may mend without harm: markers, which clean-up follows, and the index, which is a view.

Audio and metadata are never touched: what is lost is told, and comes back when its request comes again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from storage.errors import CorruptRecord
from storage.files import AudioFiles
from storage.index import Index, changes_of, differing
from storage.records import Record
from streams.readers.audit.findings import Kind


@dataclass(frozen=True, slots=True)
class StoreRepair:
    """Mends one flaw at a time; may be repeated. Raises StoreError, IndexTrouble."""

    files: AudioFiles
    index: Index | None = None

    def mend(self, kind: Kind, file_id: str) -> bool:
        """Whether it was mended: False for what needs the request again, or a worker that cleans up."""
        if kind in {Kind.MARKER_MISSING, Kind.OVERDUE}:
            return self._marked(file_id)
        if kind == Kind.ORPHAN:
            return self._known_to_be_nobodys(file_id) and self.files.remind(file_id, self.files.clock())
        if kind in {Kind.NOT_INDEXED, Kind.INDEX_DIFFERS}:
            return self._told(file_id)
        return False

    def _marked(self, file_id: str) -> bool:
        """A marker for its expiry, or for what is left of it: one that is there is for a worker to settle."""
        try:
            stored = self.files.find(file_id)
        except CorruptRecord:
            return False
        now = self.files.clock()
        if stored is None:
            return False
        due = stored.expires_at if isinstance(stored, Record) else min(stored.forget_at, now)
        return self.files.remind(file_id, due)

    def _known_to_be_nobodys(self, file_id: str) -> bool:
        """Audio that was announced is worth more than its place, whatever became of its metadata."""
        if self.index is None:
            return False
        known = self.index.file(file_id)
        return known is None or known.deleted_at is not None

    def _told(self, file_id: str) -> bool:
        """Let the index have what the store says; what it says without ground a rebuild takes away."""
        changes = changes_of(file_id, self.files.raw(file_id))
        if self.index is None or not changes:
            return False
        self.index.apply(changes)
        return not differing(self.index, {file_id: changes}, datetime.max.replace(tzinfo=UTC))
