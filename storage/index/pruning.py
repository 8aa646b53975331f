"""What the index forgets in time, a little in each transaction, so that nobody waits long for it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from storage.index import writing
from storage.index.database import Database
from storage.index.kinds import DELIVERIES, FILES, JOBS, Kind
from storage.index.moments import micros
from storage.index.tables import files

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many were forgotten."""

    jobs: int
    files: int
    deliveries: int


def prune(database: Database, before: datetime, files_before: datetime) -> Pruned:
    """Forget requests and deliveries of which nothing was heard since a time, and files deleted before another."""
    old, gone = micros(before), micros(files_before)
    deleted = (files.c.present == sql.literal(0, literal_execute=True)) & (files.c.deleted_at < gone)
    return Pruned(
        jobs=_forget_old(database, JOBS, old),
        files=_forget(database, FILES, deleted, files.c.deleted_at),
        deliveries=_forget_old(database, DELIVERIES, old),
    )


def _forget_old(database: Database, kind: Kind, old: int) -> int:
    columns = kind.table.c
    return _forget(database, kind, (columns.created_at < old) & (columns.touched_at < old), columns.created_at)


def _forget(database: Database, kind: Kind, which: sql.ColumnElement[bool], order: sql.ColumnElement[Any]) -> int:
    total = 0
    while True:
        with database.writing() as connection:
            found = connection.execute(sql.select(kind.table).where(which).order_by(order).limit(AT_ONCE)).mappings()
            rows = [dict(row) for row in found]
            sums: writing.Sums = Counter()
            for row in rows:
                writing.count(sums, kind, row, -1)
            ids = [row[kind.key] for row in rows]
            connection.execute(kind.table.delete().where(kind.keys.in_(ids)))
            writing.add(connection, sums)
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total
