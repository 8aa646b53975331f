"""Folders on a SeaweedFS of this run's own, with and without a proxy that makes faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage.opening import open_store
from storage.store import Store
from tests.storage.s3_proxy import S3Proxy
from tests.storage.servers import S3
from tests.unit.storage.storage_fakes import World

OpenStore = Callable[..., Store]


@pytest.fixture
def opened(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStore]:
    """Opens stores in a folder of the test's own; `endpoint`: by way of a proxy."""
    address = s3.new_folder()
    with ExitStack() as stack:

        def make(endpoint: str | None = None, place: str = address) -> Store:
            for name, value in (s3.environment | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})).items():
                monkeypatch.setenv(name, value)
            store = open_store(place)
            stack.callback(store.close)
            return store

        yield make


@pytest.fixture
def store(opened: OpenStore) -> Store:
    return opened()


@pytest.fixture
def proxy(s3: S3) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint) as made:
        yield made


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(store, tmp_path)
