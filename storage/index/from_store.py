"""Files that the log does not tell of any more, taken into the index from the store, and those that the store lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sql
import structlog
from pydantic import ValidationError

from storage.errors import CorruptRecord
from storage.files import AudioFiles, metadata_key
from storage.index.changes import About, Change, Completed, Deleted, Retained
from storage.index.index import Index
from storage.index.moments import moment
from storage.index.tables import files as table
from storage.index.writing import some
from storage.records import Failure, Record, Tombstone, parse

AT_ONCE = 500
THREADS = 16  # of a store behind a network nearly all is waiting
MISSING = "missing"
"""The reason of a deletion that nobody told of: the store has neither record nor tombstone."""

log = structlog.get_logger(__name__)


def take_store(index: Index, files: AudioFiles, seen: Callable[[int], object] = lambda _: None) -> None:
    """Look at every record and tombstone; `seen` is told how many are behind, and may raise to stop.

    Best after the log was read: what the log says is gone, and what was not deleted in order, is found then.
    Raises IndexTrouble, StoreError.
    """
    began = files.clock()
    with ThreadPoolExecutor(THREADS, "store") as pool:
        for ids in some(_stored(files), AT_ONCE):
            read = zip(ids, pool.map(files.raw, ids), strict=True)
            index.apply([change for name, raw in read for change in changes_of(name, raw)])
            seen(len(ids))
    for names in some(_absent(present(index), _stored(files)), AT_ONCE):
        index.apply([change for name in names if (change := _lost(index, files, name)) is not None])
        seen(0)
    index.store_was_read(began)


def _stored(files: AudioFiles) -> Iterator[str]:
    """File ids of all records and tombstones, in order."""
    for key in files.store.names("metadata/"):
        yield key.removeprefix("metadata/").removesuffix(".json")


def changes_of(file_id: str, raw: bytes | None) -> list[Change]:
    """What stored metadata tells, of a record or a tombstone and the record that it keeps; nothing of no file."""
    try:
        stored = None if raw is None else parse(raw)
        if stored is None or isinstance(stored, Failure):  # there is no file; the log tells of the failure
            return []
        if isinstance(stored, Record):
            return _told(stored)
        gone = Deleted.of(stored)
        return [*_made(stored), gone] if gone else []
    except (CorruptRecord, ValueError) as error:
        what = str(error).splitlines()[0]
        log.warning("metadata that cannot be read is not in the index", file_id=file_id, error=what)
        return []


def _made(tombstone: Tombstone) -> list[Change]:
    """The file as it was, as far as its tombstone tells."""
    try:
        return _told(Record.model_validate(tombstone.model_dump() | {"text": ""}))
    except ValidationError:
        return []


def _told(record: Record) -> list[Change]:
    """What a record tells: the file, and how long it is kept where that was changed."""
    kept = Retained.of(record)
    return [Completed.of(record), *([kept] if kept else [])]


def present(index: Index, after: str = "") -> Iterator[str]:
    """File ids of all files that are there, as the index has it, in order; only those that come after that one."""
    last = after
    while True:
        query = sql.select(table.c.file_id).where(table.c.file_id > last, table.c.present == 1)
        with index.database.reading() as connection:
            ids = list(connection.execute(query.order_by(table.c.file_id).limit(AT_ONCE)).scalars())
        if not ids:
            return
        yield from ids
        last = ids[-1]


def _absent(ids: Iterator[str], stored: Iterator[str]) -> Iterator[str]:
    """Of ids those that are not stored; both in order."""
    there = next(stored, None)
    for name in ids:
        while there is not None and there < name:
            there = next(stored, None)
        if there != name:
            yield name


def _lost(index: Index, files: AudioFiles, file_id: str) -> Change | None:
    """A file that is not in the store, unless it came after that was listed."""
    if files.store.size(metadata_key(file_id)) is not None:
        return None
    with index.database.reading() as connection:
        row = connection.execute(sql.select(table).where(table.c.file_id == file_id)).mappings().first()
    if row is None or not row["present"]:
        return None
    made = moment(row["created_at"])
    return Deleted(About(file_id, row["tenant"], row["request_id"]), files.clock(), MISSING, made)
