"""What the index forgets in time, a little in each transaction, so that nobody waits long for it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from storage.index import writing
from storage.index.database import Database
from storage.index.moments import micros
from storage.index.tables import files, jobs
from storage.index.writing import FILES, JOBS, Kind

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many were forgotten."""

    jobs: int
    files: int


def prune(database: Database, before: datetime, files_before: datetime) -> Pruned:
    """Forget requests of which nothing was heard since a time, and files that were deleted before another."""
    old, gone = micros(before), micros(files_before)
    finished = (jobs.c.created_at < old) & (jobs.c.touched_at < old)
    deleted = (files.c.present == sql.literal(0, literal_execute=True)) & (files.c.deleted_at < gone)
    return Pruned(
        _forget(database, JOBS, finished, jobs.c.created_at), _forget(database, FILES, deleted, files.c.deleted_at)
    )


def _forget(database: Database, kind: Kind, which: sql.ColumnElement[bool], order: sql.ColumnElement[Any]) -> int:
    total = 0
    while True:
        with database.writing() as connection:
            found = connection.execute(sql.select(kind.table).where(which).order_by(order).limit(AT_ONCE)).mappings()
            rows = [dict(row) for row in found]
            sums: writing.Sums = Counter()
            for row in rows:
                writing.count(sums, row["tenant"], kind.sums(row), {})
            ids = [row["file_id"] for row in rows]
            connection.execute(kind.table.delete().where(kind.table.c.file_id.in_(ids)))
            writing.add(connection, sums)
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total
