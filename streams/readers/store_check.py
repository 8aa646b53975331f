"""A store looked through by itself, some files at a time: what does not fit, without the log and without an index."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, islice

from storage.copying import audio_names
from storage.errors import CorruptRecord
from storage.expiry import SHARDS, due
from storage.files import FORMATS, AudioFiles, audio_key, metadata_key
from storage.records import Record, Tombstone, iso, parse
from streams.readers.audit.findings import Example, Kind
from streams.readers.audit.store_checks import alive
from streams.settings import Settings

THREADS = 8
AT_ONCE = 256

Flaw = tuple[Kind, Example]


@dataclass
class StoreCheck:
    """Looks at `files` in the order of their ids. `grace`: seconds that clean-up may take beyond its interval.

    `read`: all audio is read and hashed. `looked_at`: how many ids so far. `last`: the last of them.
    """

    files: AudioFiles
    settings: Settings
    grace: float
    read: bool = False
    looked_at: int = 0
    last: str = ""
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.files.clock()

    def run(self, after: str = "", limit: int | None = None) -> Iterator[Flaw]:
        """What is wrong with at most so many files past that id. Raises StoreError."""
        ids = islice(self._ids(after), limit)
        with ThreadPoolExecutor(THREADS, "check") as pool:
            while some := list(islice(ids, AT_ONCE)):
                for name, flaws in zip(some, pool.map(self._looked, some), strict=True):
                    yield from flaws
                    self.looked_at, self.last = self.looked_at + 1, name

    def overdue(self) -> Iterator[Flaw]:
        """Markers that clean-up should have settled long ago: lists what is due, and nothing else."""
        grace = timedelta(seconds=self.grace, minutes=self.settings.orphan_grace_minutes)
        cutoff = self.now - grace - timedelta(minutes=self.settings.cleanup_interval_minutes)
        for shard in SHARDS:
            for marker in due(self.files.store, cutoff, shard):
                yield Kind.OVERDUE, {"file": marker.file_id, "detail": f"its marker was due at {iso(marker.time)}"}

    def _ids(self, after: str) -> Iterator[str]:
        """Of metadata and of audio, each once; both are listed page by page as they are needed."""
        metadata = self.files.store.names("metadata/", metadata_key(after) if after else "")
        named = (key.removeprefix("metadata/").removesuffix(".json") for key in metadata)
        heard = (key.partition(".")[0] for key in audio_names(self.files.store, after))
        return (name for name, _ in groupby(merge(named, heard)) if name > after)

    def _looked(self, name: str) -> list[Flaw]:
        """Again, if its metadata changed meanwhile: workers go on while we look."""
        while True:
            raw = self.files.raw(name)
            flaws: list[Flaw] = [(kind, {"file": name, "detail": detail}) for kind, detail in self._flaws(name, raw)]
            if not flaws or self.files.raw(name) == raw:
                return flaws

    def _flaws(self, name: str, raw: bytes | None) -> Iterator[tuple[Kind, str]]:
        if raw is None:
            yield from self._orphan(name)
            return
        try:
            stored = parse(raw)
        except CorruptRecord as error:
            yield Kind.METADATA_DIFFERS, str(error).splitlines()[0]
            return
        if isinstance(stored, Record):
            yield from alive(self.files, stored, self._late, read=self.read)
            return
        if self._late(stored.forget_at):
            yield Kind.OVERDUE, f"was to be forgotten at {iso(stored.forget_at)}"
        if isinstance(stored, Tombstone) and self._late(stored.deleted_at):
            yield from ((Kind.OVERDUE, f"deleted, and {key} is still there") for key in self._audio(name))

    def _orphan(self, name: str) -> Iterator[tuple[Kind, str]]:
        """Audio without metadata: a writer is at it, or died, and then a marker in time leads clean-up to it."""
        for key in self._audio(name):
            if not self._marked(name):
                yield Kind.ORPHAN, self.files.store.url(key)

    def _marked(self, name: str) -> bool:
        """Whether any marker names it. Only for what should not be: it lists the folder of all markers."""
        return any(key.endswith(name) for key in self.files.store.names("expiry/"))

    def _audio(self, name: str) -> list[str]:
        keys = [audio_key(name, each) for each in FORMATS]
        return [key for key in keys if self.files.store.size(key) is not None]

    def _late(self, time: datetime) -> bool:
        allowed = timedelta(seconds=self.grace, minutes=self.settings.cleanup_interval_minutes)
        return time + allowed < self.now
