"""What a kill -9 in the middle does: requests lost or answered twice, and the time to the next result."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from clients import Client, make_topics
from common import Figures
from processes import Child, loa_worker, plain_worker, running

from streams.broker import EmbeddedBroker

QUIET_SECONDS = 120
"""No news for so long: what is missing is lost. Twice the session time of a plain Faust worker."""


async def kill(broker: EmbeddedBroker, folder: Path, figures: Figures, spoken: list[str]) -> None:
    """Kill and restart each once, with a quarter of the requests answered."""
    loa, plain = "bench-b-kill", "bench-b-kill-plain"
    await make_topics(broker.bootstrap, plain)
    await _one("Loa", loa, lambda: loa_worker(loa, broker.bootstrap, folder, MODELS="hibari"), broker, figures, spoken)
    await _one("plain Faust", plain, lambda: plain_worker(plain, broker.bootstrap, folder), broker, figures, spoken)


async def _one(
    title: str, name: str, new: Callable[[], Child], broker: EmbeddedBroker, figures: Figures, spoken: list[str]
) -> None:
    requests = {f"kill-{n}": text for n, text in enumerate(spoken)}
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(running(new()))
        if title == "Loa":
            await victim.ready()  # it makes the topics
        client = await stack.enter_async_context(Client(broker.bootstrap, name))
        await client.burst({"warm-up": spoken[0]})
        await client.finished(["warm-up"])
        await client.burst(requests)
        while len(client.outcomes) < len(requests) / 4:
            await client.news(QUIET_SECONDS)
        await victim.kill()
        killed = time.perf_counter()
        await stack.enter_async_context(running(new()))
        await _until_quiet(client, requests)
        _report(title, client, requests, killed, figures)


async def _until_quiet(client: Client, requests: dict[str, str]) -> None:
    """Wait for every outcome, and, for repeats, until the log has been quiet for a while."""
    try:
        while True:
            all_there = requests.keys() <= client.outcomes.keys()
            await client.news(10 if all_there else QUIET_SECONDS)
    except TimeoutError:
        return


def _report(title: str, client: Client, requests: dict[str, str], killed: float, figures: Figures) -> None:
    outcomes = [client.outcomes.get(request_id, []) for request_id in requests]
    results = [{o.event.get("pcm_sha256", n) for n, o in enumerate(seen)} for seen in outcomes]
    after = min(o.at for seen in outcomes for o in seen if o.at > killed)
    figures.add(f"{title}, kill -9: requests lost", sum(not seen for seen in outcomes), f"of {len(requests)}")
    figures.add(f"{title}, kill -9: requests with two results", sum(len(r) > 1 for r in results), f"of {len(requests)}")
    repeats = sum(len(seen) > 1 for seen in outcomes)
    figures.add(f"{title}, kill -9: requests with a repeated event", repeats, f"of {len(requests)}")
    figures.add(f"{title}, kill -9: time to the next result", after - killed, "s")
