"""A gateway and a worker beside a real broker, shared by the tests of this folder: each has its own request ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.kafka.conftest import loa, new_loa  # noqa: F401 - fixtures
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.processes import PATIENCE, Loa
from tests.kafka.zygote import Zygote


def start_gateway(site: Installation, **settings: str) -> tuple[Loa, str]:
    """A gateway on a free port, and its address."""
    process = site.run("gateway", "--port", "0", **settings)
    return process, process.wait_ready()["http"]


@pytest.fixture(scope="session")
def served(
    kafka: Kafka, zygote: Zygote, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, str]]:
    """An installation that speaks, and the address of its gateway."""
    models = {"TTS_MODELS": "hibari,espeak,tone"}
    made = Installation(kafka, "served", tmp_path_factory.mktemp("served"), models, zygote)
    with ExitStack() as stack:
        stack.callback(made.end)
        made.start_worker().wait_ready()
        yield made, start_gateway(made)[1]


@pytest.fixture
async def client(served: tuple[Installation, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served[1], timeout=PATIENCE) as made:
        yield made


@pytest.fixture
def site(served: tuple[Installation, str]) -> Installation:
    return served[0]
