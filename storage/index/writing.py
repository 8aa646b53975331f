"""How changes come into the tables: read what is there, join, write what is new, and add to the totals."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from storage.errors import IndexMoved
from storage.index.changes import Change
from storage.index.kinds import KINDS, Kind
from storage.index.rows import Row
from storage.index.tables import ALL, MAIN_POOL, SUMS, about, offsets, totals

AT_ONCE = 500

Sums = Counter[tuple[str, str, str]]
"""What is added to the totals, by tenant, pool and name."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """Records of one partition that changes come from: offsets `start` up to, not including, `next`."""

    topic: str
    partition: int
    start: int
    next: int


def merge(connection: Connection, changes: Sequence[Change]) -> None:
    """Take changes in."""
    sums: Sums = Counter()
    for kind in KINDS:
        said = together(kind, changes)
        for ids in some(said, AT_ONCE):
            known = rows_of(connection, kind, ids)
            new = {name: _joined(kind, known.get(name), said[name]) for name in ids}
            changed = {name: row for name, row in new.items() if row != known.get(name)}
            put(connection, kind.table, changed.values())
            for name, row in changed.items():
                if name in known:
                    count(sums, kind, known[name], -1)
                count(sums, kind, row)
    add(connection, sums)


def together(kind: Kind, changes: Iterable[Change]) -> dict[str, Row]:
    """All that changes say, by the kind's key."""
    said: dict[str, Row] = {}
    for change in changes:
        row = kind.of(change)
        if row is not None:
            name = row[kind.key]
            said[name] = kind.join(said[name], row) if name in said else row
    return said


def _joined(kind: Kind, known: Row | None, said: Row) -> Row:
    return kind.finish(kind.join(known, said) if known else said)


def rows_of(connection: Connection, kind: Kind, ids: Sequence[str]) -> dict[str, Row]:
    """Rows that have these keys."""
    found = connection.execute(sql.select(kind.table).where(kind.keys.in_(ids))).mappings()
    return {row[kind.key]: dict(row) for row in found}


def put(connection: Connection, table: sql.Table, rows: Iterable[Row]) -> None:
    """Write whole rows, over what is there."""
    values = list(rows)
    if values:
        insert = _insert(connection)(table)
        names = [column.name for column in table.columns if not column.primary_key]
        new = {name: insert.excluded[name] for name in names}
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=new), values)


def count(sums: Sums, kind: Kind, row: Row, times: int = 1) -> None:
    """Note what a row adds to the totals of its tenant and of all, or takes away where `times` is -1."""
    pool = row.get("pool", MAIN_POOL)
    for name, by in kind.sums(row).items():
        sums[row["tenant"], pool, name] += times * by
        sums[ALL, pool, name] += times * by


def add(connection: Connection, sums: Sums) -> None:
    """Add what was noted to the totals."""
    rows: dict[tuple[str, str], Row] = {}
    for (tenant, pool, name), by in sums.items():
        if by:
            blank = {"tenant": tenant, "pool": pool, **dict.fromkeys(SUMS, 0)}
            rows.setdefault((tenant, pool), blank)[name] = by
    if rows:
        insert = _insert(connection)(totals)
        new = {name: totals.c[name] + insert.excluded[name] for name in SUMS}
        connection.execute(
            insert.on_conflict_do_update(index_elements=list(totals.primary_key), set_=new), list(rows.values())
        )


def standing(connection: Connection) -> dict[tuple[str, int], int]:
    """The next offset of each topic and partition."""
    found = connection.execute(sql.select(offsets.c.topic, offsets.c.partition, offsets.c.next))
    return {(topic, partition): after for topic, partition, after in found}


def advance(connection: Connection, reads: Sequence[Read]) -> None:
    """Note that records were taken in. Raises IndexMoved if that would skip some, or if none was known to be next."""
    if not reads:
        return
    known = standing(connection)
    for read in reads:
        stands = known.get((read.topic, read.partition))
        if stands is None or stands < read.start:
            raise IndexMoved(f"{read.topic}-{read.partition}: the index stands at {stands}, not at {read.start}")
        known[read.topic, read.partition] = max(stands, read.next)
    stand(connection, {(read.topic, read.partition): known[read.topic, read.partition] for read in reads})


def stand(connection: Connection, places: Mapping[tuple[str, int], int]) -> None:
    """Set next offsets, whatever they were."""
    rows = [{"topic": topic, "partition": partition, "next": after} for (topic, partition), after in places.items()]
    if rows:
        insert = _insert(connection)(offsets)
        new = {"next": insert.excluded.next}
        connection.execute(insert.on_conflict_do_update(index_elements=["topic", "partition"], set_=new), rows)


def empty(connection: Connection) -> None:
    """Forget everything."""
    for table in (*(kind.table for kind in KINDS), totals, offsets):
        connection.execute(table.delete())
    connection.execute(about.update().values(store_read_at=None))


def some(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Items, so many at a time."""
    rest = iter(items)
    while found := list(islice(rest, most)):
        yield found


def _insert(connection: Connection) -> Callable[..., Any]:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
