"""Installations of Loa on the session's broker; what they started ends with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage.index import Index
from tests.kafka.indexing import index_of
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.zygote import Zygote

NewLoa = Callable[..., Installation]


@pytest.fixture
def new_loa(kafka: Kafka, zygote: Zygote, prefix: str, tmp_path: Path) -> Iterator[NewLoa]:
    """Makes installations; keyword arguments are settings of theirs."""
    with ExitStack() as stack:

        def make(name: str = "", **settings: str) -> Installation:
            label = f"{prefix}-{name}" if name else prefix
            made = Installation(kafka, label, tmp_path / (name or "loa"), settings, zygote)
            stack.callback(made.end)
            return made

        yield make


@pytest.fixture
def loa(new_loa: NewLoa) -> Installation:
    """An installation of the test's own, with nothing running."""
    return new_loa()


@pytest.fixture
def opened() -> Iterator[Callable[[Installation], Index]]:
    """Opens indexes of installations."""
    made: list[Index] = []

    def make(loa: Installation) -> Index:
        made.append(index_of(loa))
        return made[-1]

    yield make
    for index in made:
        index.close()
