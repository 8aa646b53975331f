"""A broker of this folder's own, with a second door for the proxy; sites on it; the table of figures at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streams.broker import EmbeddedBroker
from streams.broker.node import HOST, Detour
from tests.faults.figures import Figures
from tests.faults.places import Bucket
from tests.faults.proxy import Proxy, free_port
from tests.faults.settings import FIGURES_FILE, LONG
from tests.faults.site import Site
from tests.kafka.log import Kafka
from tests.kafka.zygote import Zygote
from tests.storage.s3_proxy import S3Proxy
from tests.storage.servers import S3

NewSite = Callable[..., Site]
NewBucket = Callable[[], Bucket]

_figures = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_figures] = Figures()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder):
            item.add_marker(pytest.mark.faults)
    left_out = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several test processes has ended: its figures join the table."""
    node.config.stash[_figures].join(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash[_figures].rows


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    figures = config.stash[_figures]
    if hasattr(config, "workeroutput") or not figures.rows:
        return
    table = figures.table()
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    terminalreporter.section("faults")
    for row in table:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip())
    if FIGURES_FILE:
        Path(FIGURES_FILE).write_text(figures.markdown())


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """Figures of the whole run; printed at its end."""
    return request.config.stash[_figures]


@pytest.fixture(scope="session")
def doors() -> Detour:
    """Ports of the broker's second door, and of the proxy before it."""
    first, second = free_port(), free_port()
    return Detour(first, second)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, doors: Detour) -> Iterator[Kafka]:
    """The broker of all tests of this folder that leave theirs alone."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), detour=doors) as broker:
        yield Kafka(broker.bootstrap)


@pytest.fixture
def new_bucket(s3: S3, new_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[NewBucket]:
    """Makes places where nothing is; all are reached by one proxy."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    with S3Proxy(s3.endpoint) as proxy:
        yield lambda: Bucket(s3.new_folder(), s3, proxy, new_schema())


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Callable[[], Bucket | None]:
    """Where sites are: in a directory, unless a test says that it is for a bucket, or for both."""
    if getattr(request, "param", "directory") == "directory":
        return lambda: None
    made: NewBucket = request.getfixturevalue("new_bucket")
    return made


@pytest.fixture
def sites(
    zygote: Zygote, figures: Figures, tmp_path: Path, prefix: str, place: Callable[[], Bucket | None]
) -> Iterator[NewSite]:
    """Makes sites on a broker; keyword arguments are settings of theirs."""
    with ExitStack() as stack:

        def make(kafka: Kafka, name: str = "", **settings: str) -> Site:
            label = f"{prefix}-{name}" if name else prefix
            folder = tmp_path / (name or "site")
            made = Site(kafka, label, folder, settings, zygote, figures=figures, bucket=place())
            stack.callback(made.end)
            return made

        yield make


@pytest.fixture
async def site(sites: NewSite, kafka: Kafka) -> Site:
    """An installation of the test's own, with its topics and nothing running."""
    made = sites(kafka)
    await made.begin()
    return made


@pytest.fixture
async def proxy(kafka: Kafka, doors: Detour) -> Any:
    """Stands between broker and workers that take `proxy.bootstrap` for their broker."""
    made = Proxy(HOST, doors.advertised, doors.port)
    async with made:
        yield made
