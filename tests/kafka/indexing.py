"""An installation's index, kept by projections that run inside the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from storage.index import Index
from streams.parts import open_index
from streams.readers.index import Projection
from streams.settings import load
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE


def index_of(loa: Installation) -> Index:
    return open_index(load(loa.settings))


@asynccontextmanager
async def projecting(loa: Installation, index: Index) -> AsyncIterator[Projection]:
    """A projection, until the end of the block; it has read what was there when it is entered."""
    projection = Projection(load(loa.settings), index)
    running = asyncio.create_task(projection.run())
    try:
        waiting = asyncio.ensure_future(asyncio.wait_for(projection.caught_up.wait(), PATIENCE))
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            waiting.cancel()
            running.result()
        await waiting
        yield projection
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
