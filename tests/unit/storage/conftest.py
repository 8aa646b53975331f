from collections.abc import Callable, Iterator
from pathlib import Path

import obstore.store
import pytest

from storage.fallback import FallbackStore
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.objects import ObjectStore
from storage.store import Store
from tests.unit.storage.storage_fakes import World

Backend = Callable[[Path], Store]
BACKENDS: dict[str, Backend] = {
    "memory": lambda path: MemoryStore(),
    "local": LocalStore,
    "objects": lambda path: ObjectStore(obstore.store.MemoryStore(), "memory://", path),
    "fallback": lambda path: FallbackStore(MemoryStore(), LocalStore(path)),
}


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = BACKENDS[request.param](tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(MemoryStore(), tmp_path)
