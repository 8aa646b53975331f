"""Fixtures for every room. What is slow to make is made once, at the first test that asks for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from streams.broker import EmbeddedBroker
from tests.kafka.log import Kafka

# A busy machine is slow at making examples too, and that says nothing about what is tested.
settings.register_profile("loa", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loa")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker, shared by all tests of a run: each keeps to its own `prefix`."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield Kafka(broker)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A name for this test alone: the prefix of its topics and groups."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{name[:60]}-{next(_numbers)}"


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[..., EmbeddedBroker]]:
    """Makes brokers, not yet started, for tests that stop or kill theirs; stopped at the end of the test."""
    made: list[EmbeddedBroker] = []

    def make(data_dir: Path | None = None, port: int | None = None) -> EmbeddedBroker:
        made.append(EmbeddedBroker(data_dir or tmp_path / "kafka", port))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()
