"""Engine processes for the tests of this folder."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from models.host import EnginePool

StartPool = Callable[..., Awaitable[EnginePool]]


@pytest.fixture
async def start_pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartPool]:
    """Starts pools and closes them at the end of the test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pools: list[EnginePool] = []

    async def start(*models: str, processes: int = 1, **options: float) -> EnginePool:
        pools.append(EnginePool(models, processes, **options))  # type: ignore[arg-type]
        await pools[-1].start()
        return pools[-1]

    yield start
    for pool in pools:
        await pool.close()
