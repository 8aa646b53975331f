"""Parts a and b: all systems side by side, idle but for the one whose turn it is."""

import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from clients import Requests
from common import cpu_seconds, percentile
from peers_sheet import Sheet
from peers_systems import SYSTEMS, Place, System, working
from texts import texts

TEXTS, QUICK_TEXTS = 40, 12
WARM_UP = 12
SHARES = (0.6, 0.9)

_stints = itertools.count()

T = TypeVar("T")


async def throughput(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """a: all texts at once. A text counts, for every system, as many seconds as Loa's result of it has."""
    spoken = texts(QUICK_TEXTS if quick else TEXTS)
    async with everyone(place) as clients:
        audio = await _seconds_of_audio(next(client for s, client in clients.items() if s.title == "Loa"), spoken)
        for _, (system, client) in turns(list(clients.items()), rounds):
            own, queue, requests = system.cpu_seconds(), cpu_seconds(*system.queue()), new_requests(spoken)
            began = await client.burst(requests)
            outcomes = await client.finished(requests)
            wall = max(outcome.at for outcome in outcomes) - began
            own, queue = system.cpu_seconds() - own, cpu_seconds(*system.queue()) - queue
            sheet.add("a", "audio seconds per second", system.title, audio / wall, compared=True)
            sheet.add("a", "CPU per audio second", system.title, 1000 * own / audio, "ms", compared=True)
            sheet.add("a", "CPU of Kafka or Redis per audio second", system.title, 1000 * queue / audio, "ms")


async def latency(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """b: the same Poisson arrivals for all, at shares of what the slowest of them can do."""
    spoken = texts(QUICK_TEXTS if quick else TEXTS)
    async with everyone(place) as clients:
        slowest = min([await capacity(client, spoken) for client in clients.values()])
        for share in SHARES:
            seen: dict[str, list[float]] = {}
            for number, (system, client) in turns(list(clients.items()), rounds):
                offsets = arrivals(share * slowest, len(spoken), seed=number)
                waited = await client.open_loop(new_requests(spoken), offsets)
                seen.setdefault(system.title, []).extend(waited)
                sheet.add("b", f"p50 at {share:.0%}", system.title, percentile(waited, 50), "s", compared=True)
            for title, waited in seen.items():
                sheet.add("b", f"p99 at {share:.0%}, all rounds", title, percentile(waited, 99), "s", compared=True)


@asynccontextmanager
async def everyone(place: Place) -> AsyncIterator[dict[System, Requests]]:
    """All systems, warm."""
    async with AsyncExitStack() as stack:
        systems = [system(place) for system in SYSTEMS]
        yield {s: await stack.enter_async_context(working(s, texts(WARM_UP))) for s in systems}


def turns(systems: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Each system once a round, and which round; who is first changes, so that a drifting machine favours none."""
    for number in range(rounds):
        first = number % len(systems)
        for system in (*systems[first:], *systems[:first]):
            yield number, system


def new_requests(spoken: list[str]) -> dict[str, str]:
    """The texts, under ids that no stint had before."""
    stint = next(_stints)
    return {f"stint-{stint}-{n}": text for n, text in enumerate(spoken)}


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """Poisson: seconds from the beginning to each of so many arrivals."""
    chance = random.Random(seed)
    return list(itertools.accumulate(chance.expovariate(rate) for _ in range(count)))


async def capacity(client: Requests, spoken: list[str]) -> float:
    """Texts per second, all at once."""
    requests = new_requests(spoken)
    began = await client.burst(requests)
    await client.finished(requests)
    return len(requests) / (time.perf_counter() - began)


async def _seconds_of_audio(loa: Requests, spoken: list[str]) -> float:
    requests = new_requests(spoken)
    await loa.burst(requests)
    return sum(outcome.event["duration_seconds"] for outcome in await loa.finished(requests))
