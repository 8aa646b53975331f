"""Part c: what a read of the index takes with a million requests against ten thousand, in SQLite and PostgreSQL."""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import index_rows
import psycopg
from common import Figures
from processes import postgresql

from storage.index import Index, sqlite_url
from storage.index.results import cursor_after
from streams.broker import EmbeddedBroker

FEW, MANY, QUICK_MANY = 10_000, 1_000_000, 50_000
CALLS = 60

Reads = dict[str, Callable[[], Any]]


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, quick: bool) -> None:
    """Reads of an index of 1,000,000 requests against one of 10,000."""
    counts, calls = (FEW, QUICK_MANY if quick else MANY), 20 if quick else CALLS
    with ExitStack() as stack:
        address = stack.enter_context(postgresql())
        for database in ("SQLite", "PostgreSQL"):
            both = []
            for count in counts:
                url = _postgres_url(address, count) if database == "PostgreSQL" else _file(folder, count)
                index = Index.open(url, index_rows.now)
                stack.callback(index.close)
                began = time.perf_counter()
                both.append(_reads(index, index_rows.fill(index, count)))
                figures.add(f"c: {database}: {count:,} requests written", time.perf_counter() - began, "s")
            for _ in range(rounds):
                _compare(figures, database, (both[0], both[1]), calls)


def _compare(figures: Figures, database: str, both: tuple[Reads, Reads], calls: int) -> None:
    """Each read of both by turns, call by call: what disturbs the machine disturbs both."""
    few, many = both
    for name in few:
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(calls):
            for reads, seconds in zip((few, many), taken, strict=True):
                began = time.perf_counter()
                reads[name]()
                seconds.append(time.perf_counter() - began)
        one, other = (1000 * statistics.median(seconds) for seconds in taken)
        figures.add(f"c: {database}: {name}, many / few", other / one, target="<= 1.5")
        figures.add(f"c: {database}: {name}, few", one, "ms")
        figures.add(f"c: {database}: {name}, many", other, "ms")


def _reads(index: Index, samples: list[tuple[str, str]]) -> Reads:
    """What a gateway asks, each ready to be called."""
    turns, tenant = cycle(samples), index_rows.TENANTS[1]
    half = cursor_after(index_rows.middle(), "0" * 32)
    since = index_rows.now() - timedelta(days=10)
    last = index.jobs(None, status="queued", limit=1).jobs[0]
    return {
        "totals": lambda: index.totals(None),
        "totals of a tenant": lambda: index.totals(tenant),
        "one job": lambda: index.job(*next(turns)),
        "newest jobs": lambda: index.jobs(None),
        "jobs from the middle on": lambda: index.jobs(None, cursor=half),
        "failed jobs": lambda: index.jobs(None, status="failed"),
        "jobs of a model": lambda: index.jobs(None, model="tone"),
        "failed jobs of a model": lambda: index.jobs(None, status="failed", model="hibari"),
        "failed jobs of a model without any": lambda: index.jobs(None, status="failed", model="none"),
        "jobs of a tenant": lambda: index.jobs(tenant),
        "failed jobs of a tenant": lambda: index.jobs(tenant, status="failed"),
        "jobs of a day": lambda: index.jobs(None, since=since, until=since + timedelta(days=1)),
        "ahead of the last queued": lambda: index.ahead_of(last),
        "queued seconds": index.queued_seconds,
    }


def _file(folder: Path, count: int) -> str:
    return sqlite_url(folder / f"index-{count}.sqlite")


def _postgres_url(address: str, count: int) -> str:
    """A schema of its own for each index."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA index_{count}".encode())
    return f"{address}&options=-csearch_path%3Dindex_{count}"
