"""Part f: three times what a system can do, for a minute. Those that can turn requests away are set up to."""

import asyncio
import itertools
import time
from contextlib import suppress

from clients import Requests
from common import percentile
from peers_judged import answered, refused, waits
from peers_load import WARM_UP, arrivals, capacity, new_requests, turns
from peers_sheet import Sheet
from peers_systems import SYSTEMS, Place, System, working
from texts import texts

TIMES = 3
SECONDS, QUICK_SECONDS = 60, 5
MORE_SECONDS = 20
MEASURED = 16
"""Texts by which a system's own capacity is measured: so few that none turns any away."""


async def overload(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """f: Loa's gateway with a bound on what is queued, FastAPI with a bound on calls, the others as they are."""
    for _, new in turns(SYSTEMS, rounds):
        system = new(place, limited=True)
        async with working(system, texts(WARM_UP)) as client:
            await _flooded(system, client, sheet, QUICK_SECONDS if quick else SECONDS)
            await system.kill()  # what is queued would take minutes


async def _flooded(system: System, client: Requests, sheet: Sheet, seconds: float) -> None:
    rate = await capacity(client, texts(MEASURED))
    count = round(TIMES * rate * seconds)
    requests = new_requests(list(itertools.islice(itertools.cycle(texts(120)), count)))
    due = await client.arrive(requests, arrivals(TIMES * rate, count, seed=0))
    with suppress(TimeoutError):
        async with asyncio.timeout(MORE_SECONDS):
            while not requests.keys() <= client.outcomes.keys():
                await client.news(MORE_SECONDS)
    away = refused(requests, client.outcomes)
    admitted = {request_id: at for request_id, at in due.items() if request_id not in away}
    done = answered(admitted, client.outcomes)
    sheet.add("f", "requests in the minute", system.title, count)
    sheet.add("f", "turned away", system.title, 100 * len(away) / count, "%")
    waited = waits(admitted, client.outcomes, time.perf_counter())
    sheet.add("f", "p50 of the admitted, at least", system.title, percentile(waited, 50), "s", compared=True)
    sheet.add("f", "p99 of the admitted, at least", system.title, percentile(waited, 99), "s", compared=True)
    sheet.add("f", f"admitted, without a result {MORE_SECONDS} s later", system.title, len(admitted) - done)
