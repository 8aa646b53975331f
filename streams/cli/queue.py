"""`loa queue`: how much speech is queued, and how many workers there should be."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common import Json, configured, print_json, print_rows
from streams.readers.demand import LEAST_WITHIN, MOST_WITHIN, WITHIN_SECONDS, Demand, demand, speeds_of_late
from streams.readers.replay import open_replay
from streams.routes import no_pool, request_topics
from streams.settings import Settings
from streams.topics import Topics
from streams.whole import in_thread

if TYPE_CHECKING:
    from storage.index import Index


def queue(
    within: Annotated[
        float, typer.Option(help="what is queued is to be spoken in so many seconds, of 0.001 to a day")
    ] = WITHIN_SECONDS,
    pool: Annotated[
        str | None, typer.Option(help="of this pool of workers; '': of the one without a name; absent: of all")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how much speech is queued, and how many workers there should be, by the index and the log."""
    settings = configured()
    if not LEAST_WITHIN <= within <= MOST_WITHIN:
        raise typer.BadParameter(f"--within {within:g}: must be from {LEAST_WITHIN:g} to {MOST_WITHIN:g} seconds")
    if pool is not None and pool not in settings.pools:
        raise typer.BadParameter(no_pool(pool, settings))
    found, behind = asyncio.run(_ask(settings, within, pool))
    if behind:
        sys.stderr.write(f"loa: the index has not read {behind} records of the log; does a gateway run?\n")
    row = found.row()
    if as_json:
        print_json(row)
    else:
        lanes = {f"queued_seconds, {lane}": seconds for lane, seconds in row.pop("lanes").items()}
        rows = [{"name": name, "value": value} for name, value in (lanes | row).items()]
        print_rows(("name", "value"), rows, as_json=False)


async def _ask(settings: Settings, within: float, pool: str | None) -> tuple[Demand, int]:
    from storage.index import LANES  # SQLAlchemy is for those who use it
    from streams.index import open_index

    there = await in_thread(open_index, settings)
    try:
        behind = await _behind(settings, there)
        queued = {lane: await in_thread(there.queued_seconds, lane, None, pool) for lane in LANES}
    finally:
        there.close()
    speed = (await speeds_of_late(settings)).of(pool)
    return await demand(settings, queued, lambda workers: speed.of_one(time.time(), workers), within, pool), behind


async def _behind(settings: Settings, index: "Index") -> int:
    """How many records of requests the index has not read."""
    topics = Topics(settings)
    names = [topics[short].name for short in request_topics(settings)]
    known = await in_thread(index.offsets)
    async with open_replay(settings, names) as reader:
        await reader.window(names)
    return sum(
        max(0, span.end - max(span.first, known.get((pair.topic, pair.partition), 0)))
        for pair, span in reader.ranges.items()
    )
