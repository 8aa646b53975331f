"""Bytes that the index takes for a request: its job, its file, and their share of the SQL indexes.

make bench-index-size [ARGS="--quick --json FILE"]
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import psycopg
from common import Figures, arguments, measured

sys.path.insert(0, str(Path(__file__).parents[1]))

import index_rows
from processes import postgresql

from storage.index import Index, sqlite_url

ROWS, QUICK_ROWS = 100_000, 10_000
_RELATIONS = """
    SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


async def main() -> None:
    options = arguments("The size of the index.", ())
    rows = QUICK_ROWS if options.quick else ROWS
    with measured(("sqlalchemy", "psycopg"), options) as figures:
        in_sqlite(figures, rows)
        in_postgresql(figures, rows)


def in_sqlite(figures: Figures, rows: int) -> None:
    """The file, once nothing is left beside it."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = Path(folder) / "index.sqlite"
        filled(sqlite_url(path), rows)
        figures.add(f"SQLite: of {rows:,} requests, each", path.stat().st_size / rows, "bytes")


def in_postgresql(figures: Figures, rows: int) -> None:
    """Tables and SQL indexes; the write-ahead log comes on top, for as long as it is kept."""
    with postgresql() as address:
        filled(address, rows)
        with psycopg.connect(address) as connection:
            tables, indexes = connection.execute(_RELATIONS).fetchone() or (0, 0)
    figures.add(f"PostgreSQL: of {rows:,} requests, each", float(tables + indexes) / rows, "bytes")
    figures.add("PostgreSQL: of which SQL indexes", float(indexes) / rows, "bytes")


def filled(url: str, rows: int) -> None:
    """An index with so many requests, closed."""
    index = Index.open(url, index_rows.now)
    try:
        index_rows.fill(index, rows)
    finally:
        index.close()


if __name__ == "__main__":
    asyncio.run(main())
