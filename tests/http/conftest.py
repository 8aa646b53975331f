"""Clients of the gateway that `served` has: each test has its own request ids."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.kafka.conftest import loa, new_loa  # noqa: F401 - fixtures
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, Loa

SCHEMATHESIS = "schemathesis.pytest.plugin"


def start_gateway(site: Installation, **settings: str) -> tuple[Loa, str]:
    """A gateway on a free port, and its address."""
    process = site.run("gateway", "--port", "0", **settings)
    return process, process.wait_ready()["http"]


def pytest_pycollect_makemodule(parent: pytest.Collector) -> None:
    """Have what test_schema.py is collected and run by, which other folders do without."""
    plugins = parent.config.pluginmanager
    if not plugins.has_plugin(SCHEMATHESIS):
        plugins.import_plugin(SCHEMATHESIS)


@pytest.fixture
async def client(served: tuple[Installation, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served[1], timeout=PATIENCE) as made:
        yield made
