"""A store looked through, some files at a time: what does not fit by itself, and beside the index, if one is given.

The index stands for the log as far as it has read that; the log itself is not read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, islice, takewhile

from storage.copying import audio_names
from storage.errors import CorruptRecord
from storage.expiry import SHARDS, due
from storage.files import FORMATS, AudioFiles, audio_key
from storage.index import Index, changes_of, differing, present
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

    `read`: all audio is read and hashed. `shard`: only ids that begin with that hex digit. `index`: each file is held
    against it too; it may be behind by `grace`. `looked_at`: how many ids so far. `last`: the last of them.
    """

    files: AudioFiles
    settings: Settings
    grace: float
    read: bool = False
    shard: str = ""
    index: Index | None = None
    looked_at: int = 0
    last: str = ""
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.files.clock()

    def run(
        self, after: str = "", limit: int | None = None, behind: Callable[[str], object] = lambda _: None
    ) -> Iterator[Flaw]:
        """What is wrong with at most so many files past that id; no more than some hundreds are held at a time.

        `behind`: told of an id when all flaws up to it were taken. Raises StoreError, IndexTrouble.
        """
        ids = islice(self._ids(after), limit)
        with ThreadPoolExecutor(THREADS, "check") as pool:
            while some := list(islice(ids, AT_ONCE)):
                found = dict(zip(some, pool.map(self._looked, some), strict=True))
                readable = {
                    name: raw for name, (flaws, raw) in found.items() if Kind.METADATA_DIFFERS not in dict(flaws)
                }
                beside = self._beside(readable, pool)
                for name, (flaws, _) in found.items():
                    yield from flaws
                    yield from beside.get(name, ())
                    self.looked_at, self.last = self.looked_at + 1, name
                behind(self.last)

    def overdue(self) -> Iterator[Flaw]:
        """Markers that clean-up should have settled long ago: lists what is due, and nothing else."""
        grace = timedelta(seconds=self.grace, minutes=self.settings.orphan_grace_minutes)
        cutoff = self.now - grace - timedelta(minutes=self.settings.cleanup_interval_minutes)
        for shard in self.shard or SHARDS:
            for marker in due(self.files.store, cutoff, shard):
                yield Kind.OVERDUE, {"file": marker.file_id, "detail": f"its marker was due at {iso(marker.time)}"}

    def _ids(self, after: str) -> Iterator[str]:
        """Of metadata, of audio and of the index, each once; all are listed page by page as they are needed."""
        after = max(after, self.shard)
        metadata = self.files.store.names("metadata/", f"metadata/{after}" if after else "")
        named = (key.removeprefix("metadata/").removesuffix(".json") for key in metadata)
        heard = (key.partition(".")[0] for key in audio_names(self.files.store, after))
        known = present(self.index, after) if self.index else iter(())
        names = (name for name, _ in groupby(merge(named, heard, known)) if name > after)
        return takewhile(lambda name: name.startswith(self.shard), names)

    def _beside(self, held: Mapping[str, bytes | None], pool: ThreadPoolExecutor) -> dict[str, list[Flaw]]:
        """What the index says otherwise of files than their metadata.

        What differs is looked at once more: index and store change while we look.
        """
        if self.index is None:
            return {}
        suspects = list(self._differing(self.index, held))
        columns = self._differing(self.index, dict(zip(suspects, pool.map(self.files.raw, suspects), strict=True)))
        return {name: [self._indexed(name, differ)] for name, differ in columns.items()}

    def _differing(self, index: Index, held: Mapping[str, bytes | None]) -> dict[str, list[str]]:
        said = {name: changes_of(name, raw) for name, raw in held.items()}
        return differing(index, said, self.now - timedelta(seconds=self.grace))

    def _indexed(self, name: str, columns: Sequence[str]) -> Flaw:
        if self.files.raw(name) is None:
            return Kind.METADATA_MISSING, {
                "file": name,
                "detail": "the index has the file, and the store nothing of it",
            }
        if not columns:
            return Kind.NOT_INDEXED, {"file": name, "detail": "the store has it, or its tombstone"}
        return Kind.INDEX_DIFFERS, {"file": name, "detail": f"other than in the store: {', '.join(columns)}"}

    def _looked(self, name: str) -> tuple[list[Flaw], bytes | None]:
        """Its flaws, and its metadata. Again, if that changed meanwhile: workers go on while we look."""
        while True:
            raw = self.files.raw(name)
            flaws: list[Flaw] = [(kind, {"file": name, "detail": detail}) for kind, detail in self._flaws(name, raw)]
            if not flaws or self.files.raw(name) == raw:
                return flaws, raw

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
