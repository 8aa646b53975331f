"""An installation's index, kept by projections that run inside the test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sql
from aiokafka.admin import RecordsToDelete

from storage.index import Index
from storage.index.compare import Drift
from storage.index.tables import deliveries, files, jobs, totals
from streams.events import CancelRequested, CleanupRequested
from streams.index import open_index
from streams.kafka import EventWriter, admin_client
from streams.parts import open_files
from streams.readers.index import Projection
from streams.readers.rebuild import check
from streams.settings import load
from streams.topics import Topics
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, Loa

GATEWAY = """
import asyncio, sys
from streams import logs, settings
from streams.index import open_index
from streams.readers.index import Projection

async def main():
    logs.set_up("INFO")
    projection = Projection(settings.load(), open_index(settings.load()))
    running = asyncio.create_task(projection.run())
    await projection.caught_up.wait()
    print('{"ready": true}', flush=True)
    await running

asyncio.run(main())
"""


def start_gateway(loa: Installation) -> Loa:
    """A process with a projection, as a gateway has one; it prints a line when it has caught up."""
    folder = loa.folder / f"{len(loa.processes)}-gateway"
    loa.processes.append(Loa(["gateway"], loa.settings, folder, command=[sys.executable, "-c", GATEWAY]))
    return loa.processes[-1]


async def drift(loa: Installation, index: Index) -> Drift:
    """The index compared with log and store."""
    settings = load(loa.settings)
    opened = open_files(settings)
    try:
        return await check(settings, opened, index, lambda *_: None, grace=0)
    finally:
        opened.store.close()


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


def rows(index: Index) -> dict[str, list[tuple[object, ...]]]:
    """All that the index says."""
    with index.database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sql.select(table).order_by(*table.primary_key))]
            for table in (jobs, files, deliveries, totals)
        }


async def remove_before_end(loa: Installation, *shorts: str) -> None:
    """As retention does, in time."""
    async with admin_client(load(loa.settings)) as admin:
        ends = [await loa.ends(short) for short in shorts]
        await admin.delete_records({pair: RecordsToDelete(end) for found in ends for pair, end in found.items()})


async def emit(loa: Installation, *events: CancelRequested | CleanupRequested) -> None:
    settings = load(loa.settings)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    try:
        for event in events:
            await writer.emit(event)
    finally:
        await writer.stop()


def new_database(loa: Installation) -> Installation:
    """The same installation with another, empty index."""
    other = Installation(loa.kafka, loa.name, loa.folder, {"TTS_DATABASE_URL": f"sqlite:///{loa.folder}/other.sqlite"})
    other.processes = loa.processes
    return other
