"""A store copied into another, while the one or both are in use; what was copied before is passed over.

The order is that of a writer: markers, audio, metadata, so that who reads the copy never sees a record without its
audio, and clean-up finds all that is there. Every key is read back after it was written. Nothing is deleted but what
this copy has just put, and whose original went meanwhile.

The copy may be behind (the original was deleted since the last time: the tombstone comes over) or, once writers use it,
ahead (it stays as it is). What is neither, and not the same, is a conflict: it is told, and left.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from storage.errors import CorruptRecord, NotFound, StoreRefused
from storage.expiry import Marker
from storage.files import FORMATS, audio_key, metadata_key
from storage.records import Failure, Record, Stored, Tombstone, parse, sha256
from storage.store import Store

T = TypeVar("T")

AT_ONCE = 64
"""Keys for each thread that are looked at before the next are listed."""

_PIECE = 1 << 20
_AFTER_EXPIRY = "expiry/~"


class Outcome(StrEnum):
    """What became of a key."""

    COPIED = "copied"
    UPDATED = "updated"
    """The copy was behind."""
    THERE = "there"
    AHEAD = "ahead"
    """The copy is newer."""
    GONE = "gone"
    """The original went while we looked."""
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Copied:
    """One key, and how many bytes were moved for it."""

    key: str
    outcome: Outcome
    size: int = 0
    detail: str = ""


def audio_names(store: Store, after: str = "") -> Iterator[str]:
    """The keys of audio, which stand beside the folders; what is in those is not listed."""
    for key in store.names("", after):
        if "/" not in key:
            yield key
        elif key.startswith("expiry/"):  # between two digits that a file id may begin with
            yield from audio_names(store, _AFTER_EXPIRY)
            return
        else:
            return


class Copy:
    """Copies one store into another. Raises StoreErrors; it may be done again after any, and goes on from there."""

    def __init__(self, source: Store, target: Store, threads: int = 8) -> None:
        """`threads`: keys that are on their way at once."""
        self._source = source
        self._target = target
        self._threads = threads

    def run(self) -> Iterator[Copied]:
        """Copy all there is. Memory does not grow with it."""
        yield from self._each(self._source.names("expiry/"), self._marker)
        yield from self._each(audio_names(self._source), self._audio)
        yield from self._each(self._source.names("metadata/"), self._metadata)

    def _each(self, keys: Iterable[str], deed: Callable[[str], Copied]) -> Iterator[Copied]:
        rest = iter(keys)
        with ThreadPoolExecutor(self._threads, "copy") as pool:
            while some := list(islice(rest, AT_ONCE * self._threads)):
                yield from pool.map(deed, some)

    def _marker(self, key: str) -> Copied:
        """Whatever a marker of that name says, it does for the other."""
        return Copied(key, Outcome.THERE) if self._target.size(key) is not None else self._place(key)

    def _audio(self, key: str) -> Copied:
        """Audio of the same size is taken for the same here: its record tells later whether it is."""
        there = self._target.size(key)
        if there is None:
            return self._place(key)
        size = self._source.size(key)
        if size in {None, there}:
            return Copied(key, Outcome.GONE if size is None else Outcome.THERE)
        if self._repaired(key, there):
            return Copied(key, Outcome.AHEAD)
        return Copied(key, Outcome.CONFLICT, detail=f"{size} bytes, and {there} in the copy")

    def _repaired(self, key: str, size: int) -> bool:
        """Whether the copy's own record speaks of the copy's audio."""
        try:
            record = parse(self._target.get(metadata_key(key.partition(".")[0])))
        except (NotFound, CorruptRecord):
            return False
        return isinstance(record, Record) and record.file_size == size

    def _metadata(self, key: str) -> Copied:
        try:
            raw = self._source.get(key)
        except NotFound:
            return Copied(key, Outcome.GONE)
        try:
            stored = parse(raw)
        except CorruptRecord:
            stored = None
        there = self._held(key)
        if there is not None and there != raw:
            return self._other(key, raw, stored, there)
        wrong = self._below(stored) if stored is not None else None
        if wrong is not None:
            return wrong
        return Copied(key, Outcome.THERE) if there is not None else self._place(key)

    def _below(self, stored: Stored) -> Copied | None:
        """Have what a record stands on in the copy; the first that cannot be, or None.

        The record may be newer than the listing of markers and audio. Raises StoreError.
        """
        marker = Marker.at(stored.expires_at if isinstance(stored, Record) else stored.forget_at, stored.file_id)
        if self._source.size(marker.key) is not None:
            self._marker(marker.key)
        if not isinstance(stored, Record):
            return None
        key = audio_key(stored.file_id, stored.format)
        if self._target.size(key) is None:
            self._place(key)
        held = self._target.digest(key)
        if held == stored.sha256 or held == self._source.digest(key):
            return None  # as it is there, even if it is damaged
        if self._source.size(key) is None:
            return Copied(key, Outcome.GONE)
        return Copied(key, Outcome.CONFLICT, detail="other audio than in the copy")

    def _other(self, key: str, raw: bytes, stored: Stored | None, there: bytes) -> Copied:
        """Metadata of which the copy has another: the later of the two stays or comes."""
        try:
            held = parse(there)
        except CorruptRecord:
            held = None
        if stored is None or held is None or _rank(stored) == _rank(held):
            return Copied(key, Outcome.CONFLICT, detail="other metadata than in the copy")
        if _rank(stored) < _rank(held):
            return Copied(key, Outcome.AHEAD)
        wrong = self._below(stored)
        if wrong is not None:
            return wrong
        if not self._target.swap(key, sha256(there), raw):
            return Copied(key, Outcome.AHEAD)
        if isinstance(stored, Tombstone):
            self._target.delete(*(audio_key(stored.file_id, each) for each in FORMATS))
        return Copied(key, Outcome.UPDATED, len(raw))

    def _held(self, key: str) -> bytes | None:
        try:
            return self._target.get(key)
        except NotFound:
            return None

    def _place(self, key: str) -> Copied:
        """Put a key that the copy has not, and read it back. Raises StoreRefused if it comes back otherwise."""
        digest, size = hashlib.sha256(), 0
        with self._target.scratch() as path:
            try:
                with self._source.open(key) as original, path.open("xb") as file:
                    while piece := original.read(_PIECE):
                        digest.update(piece)
                        size += file.write(piece)
            except NotFound:
                return Copied(key, Outcome.GONE)
            if not self._target.put_new(key, path):
                return Copied(key, Outcome.AHEAD)  # somebody put it just now, who uses the copy
        back = self._read_back(key)
        if back not in {None, digest.hexdigest()}:
            self._target.delete(key)
            raise StoreRefused(f"{self._target.url(key)}: it is not read back as it was written")
        if self._source.size(key) is None and not self._known(key):
            self._target.delete(key)
            return Copied(key, Outcome.GONE)
        return Copied(key, Outcome.COPIED, size)

    def _read_back(self, key: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with self._target.open(key) as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except NotFound:
            return None
        return digest.hexdigest()

    def _known(self, key: str) -> bool:
        """Whether the copy has a record of its own to this audio, whose writer may have taken ours for his."""
        return "/" not in key and self._target.size(metadata_key(key.partition(".")[0])) is not None


def _rank(stored: Stored) -> tuple[int, int]:
    """Of two for one file, the greater is the later: a failure gives way to a result, and that to its end."""
    if isinstance(stored, Failure):
        return 0, stored.attempts
    return (1 if isinstance(stored, Record) else 2), 0
