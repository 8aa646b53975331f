"""What the log says held against the store: metadata, audio, expiry, and what no event speaks of."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from storage.errors import CorruptRecord
from storage.expiry import Marker, parse_key
from storage.files import AudioFiles, audio_key
from storage.records import Failure, Record, Stored, Tombstone, iso, parse
from streams.readers.audit.findings import Example, Kind, Report
from streams.readers.audit.tables import Tables
from streams.readers.audit.window import Window
from streams.settings import Settings

THREADS = 4
SLICE = 256
SAME = ("request_id", "tenant", "format", "file_size", "pcm_sha256")

_ANNOUNCED = """
SELECT c.file, c.request_id, c.tenant, c.sha256, c.pcm_sha256, c.file_size, c.format, max(c.expires_at) AS expires_at,
c.place, d.deleted_at FROM completed c LEFT JOIN (SELECT file, max(deleted_at) AS deleted_at FROM deleted GROUP BY file)
d ON d.file = c.file WHERE c.time < :until AND c.file IS NOT NULL
AND (coalesce(d.deleted_at, c.expires_at, 0) >= :forgotten OR EXISTS (SELECT 1 FROM held h WHERE h.file = c.file))
GROUP BY c.file
"""
_UNANNOUNCED = """
SELECT h.file FROM held h WHERE h.what = 'metadata' AND NOT EXISTS (SELECT 1 FROM completed c WHERE c.file = h.file)
AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.file = h.file AND a.pending)
"""
_STRAY = """
SELECT h.file, h.name FROM held h WHERE h.what = 'audio'
AND NOT EXISTS (SELECT 1 FROM held m WHERE m.file = h.file AND m.what = 'metadata')
AND NOT EXISTS (SELECT 1 FROM completed c WHERE c.file = h.file)
AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.file = h.file AND a.pending)
"""

Case = tuple[Kind, Example]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreChecks:
    """Adds to a report what a store shows. `grace`: seconds that clean-up and events may take beyond their time."""

    tables: Tables
    window: Window
    report: Report
    files: AudioFiles
    settings: Settings
    grace: float

    def announced(self, seen: Callable[[int], object]) -> None:
        """Every file of which a `tts.completed` speaks; `seen` is told how many are behind.

        Those that were not there when `listed` looked, and need not be there any more, are left out.
        """
        rows = self.tables.rows(_ANNOUNCED, until=self.window.until, forgotten=self._forgotten_before())
        slices = _some(rows, SLICE)
        with ThreadPoolExecutor(THREADS, "audit") as pool:
            # A few slices at a time: a pool takes all of an iterator at once.
            for some in _some(slices, 4 * THREADS):
                for found, contents in pool.map(self._slice, some):
                    self._tell(found)
                    self.tables.put("content", contents)
                seen(sum(map(len, some)))

    def listed(self) -> None:
        """Note what the store has; before all else."""
        for names in _some(self.files.store.names(), 10_000):
            self.tables.put("held", [held for name in names if (held := _held(name))])

    def unannounced(self) -> None:
        """Every file of which no event speaks."""
        for row in self.tables.rows(_UNANNOUNCED):
            self._tell(self._unspoken(row["file"]))
        # Whose audio is in the making is known only with all tenants' requests.
        strays = list(self.tables.rows(_STRAY)) if self.report.tenant is None else []
        if strays:  # markers are written before audio, but may have been listed before it
            for names in _some(self.files.store.names("expiry/"), 10_000):
                self.tables.put("held", [held for name in names if (held := _held(name))])
        for row in strays:
            self._tell(self._stray(row["file"], row["name"]))

    def _tell(self, cases: Iterable[Case]) -> None:
        for kind, example in cases:
            self.report.add(kind, [example])

    def _slice(self, rows: Iterable[dict[str, Any]]) -> tuple[list[Case], list[tuple[str, str]]]:
        cases: list[Case] = []
        contents = []
        for row in rows:
            stored, found = self._settled(row)
            cases += found
            if stored is not None and stored.content_sha256:
                contents.append((row["file"], stored.content_sha256))
        return cases, contents

    def _settled(self, row: dict[str, Any]) -> tuple[Stored | None, list[Case]]:
        """Check one file, again if it changed meanwhile: clean-up goes on while we look."""
        while True:
            raw = self.files.raw(row["file"])
            about: dict[str, Any] = {"request_id": row["request_id"], "tenant": row["tenant"], "file": row["file"]}
            try:
                stored = None if raw is None else parse(raw)
            except CorruptRecord as error:
                return None, [(Kind.METADATA_DIFFERS, about | {"detail": str(error).splitlines()[0]})]
            found: list[Case] = [(kind, about | {"detail": detail}) for kind, detail in self._compare(row, stored)]
            if not found or self.files.raw(row["file"]) == raw:
                return stored, found

    def _compare(self, row: dict[str, Any], stored: Stored | None) -> Iterator[tuple[Kind, str]]:
        if stored is None:
            if not self._forgotten(row):
                yield Kind.METADATA_MISSING, f"announced at {row['place']}"
            return
        if stored.content_sha256 is None and isinstance(stored, Tombstone):
            yield Kind.METADATA_MISSING, "a tombstone of an orphan stands in its place"
            return
        if isinstance(stored, Failure):
            yield Kind.METADATA_MISSING, f"the failure of {iso(stored.failed_at)} stands in its place"
            return
        said = stored.model_dump(include={*SAME, "sha256"})
        if said.get("sha256") != row["sha256"]:
            yield Kind.SHA256_DIFFERS, f"event {row['sha256']}, metadata {said.get('sha256')}"
        for name in SAME:
            if said.get(name) != row[name]:
                yield Kind.METADATA_DIFFERS, f"{name}: event {row[name]!r}, metadata {said.get(name)!r}"
        if isinstance(stored, Tombstone):
            yield from self._buried(row, stored)
        else:
            yield from self._alive(row, stored)

    def _forgotten(self, row: dict[str, Any]) -> bool:
        """Whether the tombstone may be gone by now."""
        return float(row["deleted_at"] or row["expires_at"] or 0.0) < self._forgotten_before()

    def _forgotten_before(self) -> float:
        return self.window.at - self.settings.tombstone_days * 86_400

    def _alive(self, row: dict[str, Any], record: Record) -> Iterator[tuple[Kind, str]]:
        if row["expires_at"] is not None and record.expires_at.timestamp() < row["expires_at"] - 1e-3:
            yield Kind.METADATA_DIFFERS, f"expires_at: metadata {iso(record.expires_at)} is before the event's"
        yield from alive(self.files, record, self._late, read=True)

    def _buried(self, row: dict[str, Any], tombstone: Tombstone) -> Iterator[tuple[Kind, str]]:
        if tombstone.reason == "expired" and tombstone.expires_at and tombstone.deleted_at < tombstone.expires_at:
            early = f"deleted at {iso(tombstone.deleted_at)}, expires at {iso(tombstone.expires_at)}"
            yield Kind.DELETED_EARLY, early
        if (tombstone.model_extra or {}).get("pinned"):
            yield Kind.DELETED_EARLY, f"deleted at {iso(tombstone.deleted_at)}, and it was pinned"
        if not self._late(tombstone.deleted_at):
            return
        if row["format"] and self.files.store.size(audio_key(tombstone.file_id, row["format"])) is not None:
            yield Kind.OVERDUE, f"deleted at {iso(tombstone.deleted_at)}, and the audio is still there"
        known = max(self.window.since, self.window.horizon("deleted"))
        if row["deleted_at"] is None and tombstone.deleted_at.timestamp() > known:
            yield Kind.FILE_WITHOUT_EVENT, f"deleted at {iso(tombstone.deleted_at)}, and tts.deleted does not say so"

    def _late(self, time: datetime) -> bool:
        """Whether clean-up should have been there since."""
        allowed = self.settings.cleanup_interval_minutes * 60 + self.grace
        return time.timestamp() + allowed < self.window.at

    def _unspoken(self, file: str) -> Iterator[Case]:
        raw = self.files.raw(file)
        try:
            stored = None if raw is None else parse(raw)
        except CorruptRecord as error:
            if self.report.tenant is None:
                yield Kind.METADATA_DIFFERS, {"file": file, "detail": str(error).splitlines()[0]}
            return
        if (
            stored is None
            or isinstance(stored, Failure)
            or stored.created_at is None
            or self.report.tenant not in {None, stored.tenant}
        ):
            return
        created = stored.created_at.timestamp()
        oldest = max(self.window.since, self.window.horizon("completed"), self.window.horizon("requests"))
        if oldest < created < min(self.window.until, self.window.at - self.grace):
            yield (
                Kind.FILE_WITHOUT_EVENT,
                {
                    "request_id": stored.request_id,
                    "tenant": stored.tenant,
                    "file": file,
                    "detail": f"stored at {iso(stored.created_at)}, and tts.completed does not say so",
                },
            )

    def _stray(self, file: str, name: str) -> Iterator[Case]:
        """Audio of a writer that died is cleaned up by its marker, in time."""
        markers = self.tables.rows("SELECT name FROM held WHERE file = :file AND what = 'marker'", file=file)
        grace = timedelta(minutes=self.settings.orphan_grace_minutes)
        if any(not self._late(_time(row["name"]) + grace) for row in markers):
            self.report.counts["unfinished"] = self.report.counts.get("unfinished", 0) + 1
        elif self.files.raw(file) is None and self.files.store.size(name) is not None:
            yield Kind.ORPHAN, {"file": file, "detail": self.files.store.url(name)}


def alive(
    files: AudioFiles, record: Record, late: Callable[[datetime], bool], *, read: bool
) -> Iterator[tuple[Kind, str]]:
    """What does not fit a record in its store. `late`: whether clean-up should have been there since a time.

    `read`: all of the audio is read and hashed; else its size has to do.
    """
    key = audio_key(record.file_id, record.format)
    size = files.store.size(key)
    if size is None:
        yield Kind.AUDIO_MISSING, files.store.url(key)
    elif size != record.file_size or (read and not files.verify(record)):
        yield Kind.AUDIO_DIFFERS, f"{files.store.url(key)}: {size} bytes, {record.file_size} in the metadata"
    if record.pinned:
        return  # nothing is overdue of it; its release marks it
    if late(record.expires_at):
        yield Kind.OVERDUE, f"expired at {iso(record.expires_at)}"
    elif files.store.size(Marker.at(record.expires_at, record.file_id).key) is None:
        yield Kind.MARKER_MISSING, f"expires at {iso(record.expires_at)}"


def _time(key: str) -> datetime:
    marker = parse_key(key)
    return marker.time if marker else datetime.fromtimestamp(0, UTC)


def _some(items: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(items)
    while found := list(islice(rest, most)):
        yield found


def _held(name: str) -> tuple[str, str, str] | None:
    """What a name in the store is: file id, what, name."""
    folder, _, last = name.rpartition("/")
    if folder == "metadata":
        return last.removesuffix(".json"), "metadata", ""
    if folder == "":
        return last.partition(".")[0], "audio", name
    marker = parse_key(name)
    return (marker.file_id, "marker", name) if marker else None
