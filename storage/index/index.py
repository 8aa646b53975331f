"""The index as others see it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sql

from storage.files import Clock, now
from storage.index import pruning, queries, writing
from storage.index.changes import Change
from storage.index.database import Database
from storage.index.moments import micros, moment_or_none
from storage.index.results import DeliveryPage, DeliveryState, File, Job, Page, Status, Totals
from storage.index.tables import about
from storage.index.writing import Read
from storage.records import file_id


class Index:
    """Jobs, files, deliveries and totals. All methods block and raise IndexTroubles; safe to call from several threads.

    A `tenant` of None stands for all tenants.
    """

    def __init__(self, database: Database, clock: Clock = now) -> None:
        self.database = database
        self._clock = clock

    @classmethod
    def open(cls, url: str, clock: Clock = now) -> "Index":
        """`sqlite:///FILE`, made where there is none, or `postgresql://USER:PASSWORD@HOST/DATABASE`.

        An index of another version is emptied: the projection fills it again. Raises IndexUnavailable, IndexRefused.
        """
        return cls(Database(url), clock)

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self.database.close()

    # What it answers

    def job(self, tenant: str, request_id: str) -> Job | None:
        """One request, also if its record was bare; None if the log has not told of it (yet, or any more)."""
        with self.database.reading() as connection:
            return queries.job(connection, file_id(tenant, request_id))

    def jobs(
        self,
        tenant: str | None,
        *,
        status: Status | None = None,
        model: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Requests, the newest first; those that come later do not shift the pages. `since` ≤ created < `until`.

        `limit`: at most 1000. `cursor`: `next_cursor` of the page before. Raises BadCursor.
        """
        with self.database.reading() as connection:
            return queries.page(connection, queries.Wanted(tenant, status, model, since, until), limit, cursor)

    def deliveries(
        self,
        tenant: str | None,
        *,
        state: DeliveryState | None = None,
        endpoint: str | None = None,
        request_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> DeliveryPage:
        """What endpoints are told, the newest event first; one that is made again counts as new. Else as `jobs`."""
        wanted = queries.WantedDeliveries(tenant, state, endpoint, request_id)
        with self.database.reading() as connection:
            return queries.delivery_page(connection, wanted, limit, cursor)

    def file(self, file_id: str) -> File | None:
        """One file, deleted ones too for as long as their tombstones stand."""
        with self.database.reading() as connection:
            return queries.file(connection, file_id)

    def totals(self, tenant: str | None) -> Totals:
        """The statistics: one row, and a count of what expired and waits for clean-up."""
        with self.database.reading() as connection:
            return queries.sums(connection, tenant, self._clock())

    def ahead_of(self, job: Job) -> tuple[int, float]:
        """How many queued requests of its pool and lane came before it, and their seconds of speech, estimated.

        Both 0 for one that is not queued. Lanes and tenants take turns, so one that comes later may be spoken first.
        """
        with self.database.reading() as connection:
            return queries.ahead_of(connection, job)

    def queued_seconds(self, lane: str | None = None, tenant: str | None = None, pool: str | None = None) -> float:
        """Seconds of speech, estimated, that are queued: in a lane (`interactive`, `bulk`), a pool, or all."""
        with self.database.reading() as connection:
            return queries.queued_seconds(connection, lane, tenant, pool)

    # What it is told

    def apply(self, changes: Sequence[Change], reads: Sequence[Read] = ()) -> None:
        """Take in changes, and that they were read, in one transaction; in any order, and again at will.

        Raises IndexMoved, with nothing changed, where that would skip records.
        """
        with self.database.writing() as connection:
            writing.advance(connection, reads)
            writing.merge(connection, changes)

    def prune(self, before: datetime, files_before: datetime | None = None) -> pruning.Pruned:
        """Forget requests and deliveries of which nothing was heard since, and files deleted before `files_before`.

        Files have to be remembered for as long as their tombstones: a request that is replayed meanwhile announces a
        deleted file again.
        """
        return pruning.prune(self.database, before, files_before or before)

    # Where it stands in the log

    def offsets(self) -> Mapping[tuple[str, int], int]:
        """The next offset of each topic and partition that it follows."""
        with self.database.reading() as connection:
            return writing.standing(connection)

    def begin(self, places: Mapping[tuple[str, int], int]) -> None:
        """Let it stand at these offsets, wherever it stood: what was before them is not in the log any more."""
        with self.database.writing() as connection:
            writing.stand(connection, places)

    def name(self) -> str:
        """A name that no other index has, and that it has for as long as its tables are there."""
        with self.database.reading() as connection:
            return str(connection.execute(sql.select(about.c.name)).scalar_one())

    def store_read_at(self) -> datetime | None:
        """When files were last taken from the store; None: never."""
        with self.database.reading() as connection:
            return moment_or_none(connection.execute(sql.select(about.c.store_read_at)).scalar())

    def store_was_read(self, time: datetime) -> None:
        """Note that files were taken from the store."""
        with self.database.writing() as connection:
            connection.execute(about.update().values(store_read_at=micros(time)))

    def belong_to(self, log: str) -> bool:
        """Let it be the index of this cluster's log. False if it was another's, and is empty now."""
        with self.database.writing() as connection:
            was = connection.execute(sql.select(about.c.log)).scalar()
            if was == log:
                return True
            if was is not None:
                writing.empty(connection)
            connection.execute(about.update().values(log=log))
            return was is None
