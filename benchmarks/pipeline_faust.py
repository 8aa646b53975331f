"""Part b: Loa against a plain Faust agent: throughput, latency at the same arrivals, and a kill -9 in the middle."""

import os
import random
from pathlib import Path

from clients import Client, make_topics
from common import Figures, pairs, percentile
from pipeline_kill import kill
from processes import loa_worker, plain_worker, running
from texts import texts

from streams.broker import EmbeddedBroker

LOA, PLAIN, TWO = "bench-b", "bench-b-plain", "bench-b-two"
SHARE_OF_SATURATION = 0.6


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, count: int) -> None:
    """Loa against a plain Faust agent: throughput, latency, kill -9."""
    brokers, spoken = broker.bootstrap, texts(count)[: count // 2]
    for name in (PLAIN, TWO):
        await make_topics(brokers, name)
    worker = loa_worker(LOA, brokers, folder, MODELS="hibari", ENGINE_PROCESSES=str(len(os.sched_getaffinity(0))))
    async with running(worker), running(plain_worker(PLAIN, brokers, folder)):
        await worker.ready()
        async with Client(brokers, LOA) as loa, Client(brokers, PLAIN) as plain:
            both = _Both(figures, loa, plain, spoken)
            await both.warm_up()
            await both.throughput(rounds)
            await both.latency(rounds)
        first, second = (plain_worker(TWO, brokers, folder, number) for number in (0, 1))
        async with running(first), running(second), Client(brokers, LOA) as loa, Client(brokers, TWO) as two:
            both = _Both(figures, loa, two, spoken)
            await both.warm_up()
            await both.throughput(min(rounds, 3), "two plain Faust workers")
    await kill(broker, folder, figures, spoken)


class _Both:
    def __init__(self, figures: Figures, loa: Client, plain: Client, spoken: list[str]) -> None:
        self._figures = figures
        self._loa = loa
        self._plain = plain
        self._texts = spoken
        self._stint = 0

    def _requests(self) -> dict[str, str]:
        """All texts, under ids that no stint had before."""
        self._stint += 1
        return {f"{id(self)}-{self._stint}-{n}": text for n, text in enumerate(self._texts)}

    async def _saturate(self, client: Client) -> float:
        """All texts at once: texts per second from the first request sent to the last outcome.

        Not seconds of audio: the two leave pauses of different lengths between sentences.
        """
        requests = self._requests()
        began = await client.burst(requests)
        outcomes = await client.finished(requests)
        return len(requests) / (max(outcome.at for outcome in outcomes) - began)

    async def warm_up(self) -> None:
        await self._saturate(self._plain)
        await self._saturate(self._loa)

    async def throughput(self, rounds: int, against: str = "plain Faust") -> None:
        """Pairs at saturation."""
        target = ">= 1.3" if against == "plain Faust" else ""
        both = pairs(rounds, lambda _: self._saturate(self._plain), lambda _: self._saturate(self._loa))
        async for plain, loa in both:
            self._figures.add(f"b: texts per second, Loa / {against}", loa / plain, target=target)
            self._figures.add(f"{against}: texts per second", plain, "1/s")

    async def latency(self, rounds: int) -> None:
        """Poisson arrivals, the same for both, at 60 % of what the plain agent can do at most."""
        rate = SHARE_OF_SATURATION * self._figures.all["plain Faust: texts per second"].median
        self._figures.add("arrivals for latency", rate, "1/s")
        seen: dict[str, list[float]] = {"Loa": [], "plain Faust": []}

        async def stint(client: Client, number: int) -> list[float]:
            chance = random.Random(number)
            at, offsets, requests = 0.0, [], self._requests()
            for _ in requests:
                at += chance.expovariate(rate)
                offsets.append(at)
            return [1000 * seconds for seconds in await client.open_loop(requests, offsets)]

        async for plain, loa in pairs(rounds, lambda n: stint(self._plain, n), lambda n: stint(self._loa, n)):
            for percent, target in ((50, ""), (99, "<= 0.8")):
                ratio = percentile(loa, percent) / percentile(plain, percent)
                self._figures.add(f"b: p{percent} latency, Loa / plain Faust", ratio, target=target)
            seen["Loa"] += loa
            seen["plain Faust"] += plain
        for name, values in seen.items():
            for percent in (50, 99):
                self._figures.add(f"{name}: p{percent} latency, all rounds", percentile(values, percent), "ms")
