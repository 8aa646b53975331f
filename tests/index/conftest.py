"""Indexes in SQLite and in a real PostgreSQL: every test here runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage.index import Index, sqlite_url

NewIndex = Callable[[], Index]


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


@pytest.fixture
def other_index(tmp_path: Path) -> Iterator[Index]:
    """An index beside the test's own, in a file."""
    made = Index.open(sqlite_url(tmp_path / "other.sqlite"))
    yield made
    made.close()
