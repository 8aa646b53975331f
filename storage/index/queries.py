"""What is asked of the tables. Each of these costs the same however many rows there are, or as much as it counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from storage.index import results
from storage.index.kinds import DELIVERIES, JOBS, Kind
from storage.index.moments import micros
from storage.index.results import DeliveryPage, File, Job, Page, Totals
from storage.index.rows import kept
from storage.index.tables import ALL, deliveries, files, jobs, totals

MOST_ON_A_PAGE = 1000

# Columns are compared with written values, not bound ones: a partial index is used only where its condition is seen.
_QUEUED = jobs.c.status == sql.literal("queued", literal_execute=True)
_PRESENT = files.c.present == sql.literal(1, literal_execute=True)

# Files by their key alone: by a planner's old figures, all that are gone might look like few enough to walk.
_OF_FILE = (files.c.present, files.c.deleted_at, files.c.reason, files.c.expires_at.label("kept_until"))
_JOBS = sql.select(jobs, *_OF_FILE).outerjoin(files, files.c.file_id == jobs.c.file_id)


def job(connection: Connection, file_id: str) -> Job | None:
    """One request by its file id."""
    row = connection.execute(_JOBS.where(jobs.c.file_id == file_id)).mappings().first()
    return results.job(row) if row is not None and row["status"] is not None else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs; None: whichever. `since` ≤ created < `until`."""

    tenant: str | None = None
    status: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[sql.ColumnElement[bool]]:
        """As the tables have it."""
        if self.tenant is not None:
            yield jobs.c.tenant == kept(self.tenant)
        if self.model is not None:
            yield jobs.c.model == kept(self.model)
        yield jobs.c.status.is_not(None) if self.status is None else jobs.c.status == self.status
        if self.since is not None:
            yield jobs.c.created_at >= micros(self.since)
        if self.until is not None:
            yield jobs.c.created_at < micros(self.until)


def page(connection: Connection, wanted: Wanted, limit: int, cursor: str | None) -> Page:
    """Jobs, the newest first. Raises BadCursor."""
    rows, after = _newest(connection, JOBS, _JOBS.where(*wanted.conditions()), limit, cursor)
    return Page(tuple(map(results.job, rows)), after)


@dataclass(frozen=True, slots=True)
class WantedDeliveries:
    """Which deliveries; None: whichever."""

    tenant: str | None = None
    state: str | None = None
    endpoint: str | None = None
    request_id: str | None = None

    def conditions(self) -> Iterator[sql.ColumnElement[bool]]:
        """As the table has it."""
        of_one = self.request_id is not None
        for name in ("tenant", "state", "endpoint"):
            value = getattr(self, name)
            if value is not None:
                # Few are of one request, beside all of a tenant, a state or an endpoint: look among those.
                yield (deliveries.c[name] + "" if of_one else deliveries.c[name]) == kept(value)
        if of_one:
            yield deliveries.c.request_id == kept(self.request_id)


def delivery_page(connection: Connection, wanted: WantedDeliveries, limit: int, cursor: str | None) -> DeliveryPage:
    """Deliveries, the newest first. Raises BadCursor."""
    query = sql.select(deliveries).where(*wanted.conditions())
    rows, after = _newest(connection, DELIVERIES, query, limit, cursor)
    return DeliveryPage(tuple(map(results.delivery, rows)), after)


def _newest(
    connection: Connection, kind: Kind, query: sql.Select[Any], limit: int, cursor: str | None
) -> tuple[Sequence[Mapping[Any, Any]], str | None]:
    """So many rows of a query, and the cursor of those that follow, if there are any. Raises BadCursor."""
    created, key = kind.table.c.created_at, kind.keys
    if cursor is not None:
        query = query.where(sql.tuple_(created, key) < sql.tuple_(*results.place_of_cursor(cursor)))
    limit = min(max(limit, 1), MOST_ON_A_PAGE)
    rows = connection.execute(query.order_by(created.desc(), key.desc()).limit(limit + 1)).mappings().all()
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], results.cursor_after(rows[limit - 1]["created_at"], rows[limit - 1][kind.key])


def file(connection: Connection, file_id: str) -> File | None:
    """One file by its id."""
    row = connection.execute(sql.select(files).where(files.c.file_id == kept(file_id))).mappings().first()
    return None if row is None else results.file(row)


def sums(connection: Connection, tenant: str | None, now: datetime) -> Totals:
    """The totals of a tenant or of all: a row for each pool, and a count of what has expired and not been deleted."""
    rows = connection.execute(sql.select(totals).where(totals.c.tenant == (tenant or ALL))).mappings().all()
    return results.totals(rows, _expired(connection, tenant, now))


def queued_seconds(connection: Connection, lane: str | None, tenant: str | None, pool: str | None) -> float:
    """Seconds of speech, estimated, that are queued: in a lane or in both, for a tenant, in a pool, or for all."""
    lanes = [totals.c[f"queued_ms_{each}"] for each in results.LANES if lane in {None, each}]
    query = sql.select(*lanes).where(totals.c.tenant == (tenant or ALL))
    if pool is not None:
        query = query.where(totals.c.pool == pool)
    return sum(sum(row) for row in connection.execute(query)) / 1000


def _expired(connection: Connection, tenant: str | None, now: datetime) -> tuple[int, int]:
    """Number and bytes of files that have expired and are still there: a range of an index, no longer than they are."""
    query = sql.select(sql.func.count(), sql.func.coalesce(sql.func.sum(files.c.size), 0)).where(
        _PRESENT, files.c.expires_at <= micros(now), files.c.pinned == 0
    )
    if tenant is not None:
        query = query.where(files.c.tenant == tenant)
    count, size = connection.execute(query).one()
    return int(count), int(size)


def ahead_of(connection: Connection, job: Job) -> tuple[int, float]:
    """How many queued requests of its pool and lane came before a queued one, and their seconds of speech."""
    if job.status != "queued":
        return 0, 0.0
    place = sql.tuple_(jobs.c.created_at, jobs.c.file_id)
    query = sql.select(sql.func.count(), sql.func.coalesce(sql.func.sum(jobs.c.estimated_ms), 0)).where(
        _QUEUED,
        jobs.c.pool == job.pool,
        jobs.c.lane == job.lane,
        place < sql.tuple_(micros(job.created_at), job.file_id),
    )
    count, estimated = connection.execute(query).one()
    return int(count), int(estimated) / 1000
