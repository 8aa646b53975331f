"""An index with a month of requests, written in bulk.

A few hundred rows are made as the index makes them, from changes; all others are copies of those under other ids and at
other times, and the totals are the sums of all. However long the history, as many requests are queued, and as many
files wait for clean-up: a backlog does not grow with what was done before.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from storage.index import About, Asked, Change, Completed, Deleted, Failed, Index, Progressed, Shown, writing
from storage.index.kinds import FILES, JOBS, Kind
from storage.index.moments import micros
from storage.index.rows import Row
from storage.records import file_id

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=30)
TENANTS = tuple(f"tenant-{number}" for number in range(4))
QUEUED, STARTED, EXPIRED = 500, 20, 100
PATTERNS = 400
AT_ONCE = 10_000

_TIMES = frozenset(
    {"created_at", "touched_at", "asked_at", "asked_last", "started_at", "progressed_at", "failed_time", "failed_at"}
    | {"completed_at", "expires_at", "gone_created_at", "deleted_at"}
)


def now() -> datetime:
    """When the month is over: the clock of these indexes."""
    return BEGAN + SPAN


def fill(index: Index, rows: int, samples: int = 200) -> list[tuple[str, str]]:
    """Write so many requests and their files; returns tenant and request id of some."""
    stretches, chance = _stretches(rows), random.Random(1)
    wanted = set(chance.sample(range(rows), samples))
    step = SPAN / rows
    with index.database.writing() as connection:
        sums: writing.Sums = writing.Counter()
        for kind in (JOBS, FILES):
            for each in kind.table.indexes:
                each.drop(connection)
            patterns = {of: [_Pattern(kind, of(number)) for number in range(PATTERNS)] for _, of in stretches}
            _write(connection, kind.table, _copies(stretches, patterns, step, sums))
            for each in kind.table.indexes:
                each.create(connection)
        writing.add(connection, sums)
    if index.database.engine.name == "postgresql":  # which does so by itself, in its own time
        with index.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    found = index.totals(None)
    if sum(found.jobs.values()) != rows or found.expired_files != EXPIRED:
        raise RuntimeError(f"the index was not filled as intended: {found}")
    return [(TENANTS[_tenant(number)], f"r{number}") for number in sorted(wanted)]


Changes = Callable[[int], list[Change]]


def _stretches(rows: int) -> list[tuple[int, Changes]]:
    """How many of which kind, the oldest first; files of the latest are there still."""
    lately = rows // 30
    old = rows - EXPIRED - lately - STARTED - QUEUED
    return [(old, _old), (EXPIRED, _expired), (lately, _lately), (STARTED, _started), (QUEUED, _queued)]


class _Pattern:
    """A row without its ids, at the beginning of time; `row`: None where such changes make no row of this kind."""

    def __init__(self, kind: Kind, changes: list[Change]) -> None:
        self.row: Row | None = next(iter(writing.together(kind, changes).values()), None)
        if self.row is not None:
            kind.finish(self.row)
            self.kind = kind
            names = list(kind.table.columns.keys())
            self.values = [self.row[name] for name in names]
            self.shifted = [n for n, name in enumerate(names) if name in _TIMES and self.row[name] is not None]
            self.uses = 0


def _copies(
    stretches: list[tuple[int, Changes]],
    patterns: dict[Changes, list[_Pattern]],
    step: timedelta,
    sums: "writing.Sums",
) -> Iterator[tuple[object, ...]]:
    number, microseconds = 0, step / timedelta(microseconds=1)
    for count, of in stretches:
        for _ in range(count):
            pattern = patterns[of][number % PATTERNS]
            if pattern.row is not None:
                values, shift = pattern.values.copy(), int(number * microseconds)
                for place in pattern.shifted:
                    values[place] += shift
                values[2] = f"r{number}"
                values[0] = file_id(values[1], values[2])
                pattern.uses += 1
                yield tuple(values)
            number += 1
    for pattern in (pattern for each in patterns.values() for pattern in each if pattern.row is not None):
        writing.count(sums, pattern.kind, pattern.row, pattern.uses)


def _write(connection: Connection, table: Table, rows: Iterator[tuple[object, ...]]) -> None:
    if connection.dialect.name == "postgresql":
        with connection.connection.cursor().copy(f"COPY {table.name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    insert = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"
    for some in writing.some(rows, AT_ONCE):
        connection.exec_driver_sql(insert, some)


# What was said of a request, by its number: all at the beginning of time.


def _tenant(number: int) -> int:
    return (number % PATTERNS // 100 + number) % len(TENANTS)


def _about(number: int) -> About:
    return About("0" * 32, TENANTS[_tenant(number)], "r")


def _shown(number: int) -> Shown:
    other = (number // 100 + number) % 20
    model = "tone" if other == 0 else "espeak" if other < 4 else "hibari"
    return Shown(model, "v", None, "en", "wav", 60 + number % 100, {"order": number})


def _asked(number: int) -> Asked:
    lane, place = ("bulk" if number % 2 else "interactive"), f"tts.requests-{number % 8}-{number}"
    return Asked(_about(number), place, BEGAN, place, BEGAN, lane, 1, 5.0, _shown(number))


def _completed(number: int, hours: float) -> Completed:
    made, seconds = BEGAN + timedelta(seconds=2), 4 + number % 7 / 8
    expires, size = made + timedelta(hours=hours), 190_000 + number
    return Completed(_about(number), made, expires, "a" * 64, size, seconds, 24_000, 1, "w", _shown(number))


def _old(number: int) -> list[Change]:
    """Three of a hundred failed, two were cancelled, all others are spoken, and their files deleted."""
    asked, done = _asked(number), BEGAN + timedelta(seconds=2)
    if number % 100 < 5:
        code = "unknown_voice" if number % 100 < 3 else "cancelled"
        failed = Failed(asked.about, done, "tts.failed-0-1", asked.source, done, code, "a sentence", False, 1, "w")
        return [asked, failed]
    gone = Deleted(asked.about, done + timedelta(hours=25), "expired", done)
    return [asked, _completed(number, 24), gone]


def _expired(number: int) -> list[Change]:
    return [_asked(number), _completed(number, 1)]


def _lately(number: int) -> list[Change]:
    return [_asked(number), _completed(number, 240)]


def _started(number: int) -> list[Change]:
    return [_asked(number), Progressed(_about(number), BEGAN + timedelta(seconds=1), "w", 4, 2)]


def _queued(number: int) -> list[Change]:
    return [_asked(number)]


def middle() -> int:
    """The middle of the month, as the tables have times."""
    return micros(BEGAN + SPAN / 2)
