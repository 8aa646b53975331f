"""Parts c and d: a kill -9 in the middle, and requests that are none."""

import asyncio
import json
import random
import time
from contextlib import suppress

from clients import Requests
from peers_judged import answered, doubled, lost, repeated, told, torn
from peers_load import WARM_UP, turns
from peers_sheet import Sheet
from peers_systems import SYSTEMS, Place, System, working
from texts import texts

KILLED, QUICK_KILLED = 64, 24
UNDER_WAY_SECONDS = 0.2
"""What arrives so soon after the kill was on its way before."""
PROBE_SECONDS = 1.0
REPEATS_SECONDS = 10

GOOD = 60
POISON = (
    b"",
    b"not JSON",
    b"\xff\xfe\x00\x01",
    b"[1, 2, 3]",
    b'"Hello."',
    b"{}",
    b'{"request_id": "poison-null", "text": null}',
    b'{"request_id": "poison-number", "text": 12}',
    b'{"request_id": "poison-object", "text": {"say": "Hello."}}',
    b'{"request_id": "poison-empty", "text": ""}',
)
BIG, BIG_BYTES = 2, 900_000
LIMIT_SECONDS = 45
"""For requests that take some five seconds where nothing is in their way."""


async def kill(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """c: kill -9 of all processes of a system with a quarter answered, and the same start again at once."""
    spoken = texts(QUICK_KILLED if quick else KILLED)
    for number, new in turns(SYSTEMS, rounds):
        system = new(place)
        async with working(system, spoken[:WARM_UP]) as client:
            await _killed(system, client, {f"kill-{number}-{n}": t for n, t in enumerate(spoken)}, sheet)


async def _killed(system: System, client: Requests, requests: dict[str, str], sheet: Sheet) -> None:
    await client.burst(requests)
    while answered(requests, client.outcomes) < len(requests) / 4:
        await client.news(LIMIT_SECONDS)
    await system.kill()
    killed = time.perf_counter()
    await asyncio.sleep(UNDER_WAY_SECONDS)
    await system.start()
    after = await _next_result(client, time.perf_counter())
    with suppress(TimeoutError):
        while True:
            await client.news(system.gone_seconds if lost(requests, client.outcomes) else REPEATS_SECONDS)
    seen, of = client.outcomes, f"of {len(requests)}"
    sheet.add("c", "lost", system.title, lost(requests, seen), of)
    sheet.add("c", "with two results", system.title, doubled(requests, seen), of)
    sheet.add("c", "told twice", system.title, repeated(requests, seen), of)
    sheet.add("c", "torn files", system.title, torn(system.audio))
    sheet.add("c", "to the next result", system.title, after - killed, "s", compared=True)


async def _next_result(client: Requests, since: float) -> float:
    """When the first came, of whatever request: one more is sent each second, since a system may have none left."""
    probes = 0
    while True:
        await client.send(f"probe-{since}-{probes}", "Hello from Loa.")
        probes += 1
        with suppress(TimeoutError):
            await client.news(PROBE_SECONDS)
        later = [o.at for seen in client.outcomes.values() for o in seen if o.at > since]
        if later:
            return min(later)


async def poison(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """d: 60 good requests, 10 that are none and two of 900 KB among them, all at once."""
    for _, new in turns(SYSTEMS, rounds):
        system = new(place)
        async with working(system, texts(WARM_UP)) as client:
            good = {f"good-{n}": text for n, text in enumerate(texts(GOOD))}
            await _send_mixed(client, good)
            bad = len(POISON) + BIG
            with suppress(TimeoutError):
                async with asyncio.timeout(LIMIT_SECONDS):
                    while answered(good, client.outcomes) < GOOD or told(good, client.outcomes) < bad:
                        await client.news(LIMIT_SECONDS)
            sheet.add("d", "good, answered", system.title, answered(good, client.outcomes), f"of {GOOD}", compared=True)
            sheet.add("d", "bad, somebody is told", system.title, told(good, client.outcomes), f"of {bad}")
            await system.kill()  # some would speak for an hour


async def _send_mixed(client: Requests, good: dict[str, str]) -> None:
    sentences = " ".join(texts(200))
    big = (sentences * (BIG_BYTES // len(sentences) + 1))[:BIG_BYTES]
    values = {f"bad-{n}": value for n, value in enumerate(POISON)}
    values |= {name: request(name, big) for name in (f"big-{n}" for n in range(BIG))}
    values |= {name: request(name, text) for name, text in good.items()}
    order = list(values)
    random.Random(1).shuffle(order)
    await asyncio.gather(*[await client.send_bytes(name, values[name]) for name in order])


def request(request_id: str, text: str) -> bytes:
    return json.dumps({"request_id": request_id, "text": text}).encode()
