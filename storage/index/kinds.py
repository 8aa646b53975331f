"""The kinds of rows that are made from changes: one for each table of them."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sql

from storage.index.changes import Change
from storage.index.deliveries import delivery_of, delivery_sums, finish_delivery, join_deliveries
from storage.index.joins import file_sums, finish_file, finish_job, job_sums, join_files, join_jobs
from storage.index.rows import Row, file_of, job_of
from storage.index.tables import deliveries, files, jobs


@dataclass(frozen=True, slots=True)
class Kind:
    """How rows of one table are named (`key`: the column), made, joined, finished and counted.

    `stored`: columns of times since which the store may know what the log has not told yet.
    """

    name: str
    table: sql.Table
    key: str
    of: Callable[[Change], Row | None]
    join: Callable[[Row, Row], Row]
    finish: Callable[[Row], Row]
    sums: Callable[[Row], Row]
    stored: tuple[str, ...] = ()

    @property
    def keys(self) -> sql.Column[str]:
        """The column of the key."""
        return self.table.c[self.key]


_OF_FILES = ("created_at", "deleted_at", "retained_at")
JOBS = Kind("jobs", jobs, "file_id", job_of, join_jobs, finish_job, job_sums, ("completed_at",))
FILES = Kind("files", files, "file_id", file_of, join_files, finish_file, file_sums, _OF_FILES)
DELIVERIES = Kind("deliveries", deliveries, "delivery_id", delivery_of, join_deliveries, finish_delivery, delivery_sums)
KINDS = (JOBS, FILES, DELIVERIES)
