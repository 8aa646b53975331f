"""What a flood does to somebody else's single sentences. `make bench-fairness`.

A small tenant asks for one sentence at a time, in a steady beat; another tenant has just put thousands of requests on
the same topic. Each stint has a worker and topics of its own, and is measured from the moment the flood is on the log;
stints with and without a flood take turns. What a sentence may lose is told in pieces of the flood: what an engine is
speaking, it finishes.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from clients import Client
from common import Figures, arguments, measured, pairs, percentile
from processes import loa_worker, running, workplace
from texts import texts

from models.engine import Piece
from models.hibari import Hibari
from streams.broker import EmbeddedBroker

FLOODS = {
    "in the bulk lane": (10_000, "bulk", "requests.bulk"),
    "marked bulk": (10_000, "bulk", "requests"),
    "interactive": (2_000, "interactive", "requests"),
}
PACKAGES = ("loa-tts", "hibari-tts", "onnxruntime", "faust-streaming", "aiokafka")
SENTENCE = "The train to the coast leaves at nine."
GAP_SECONDS = 0.8

_numbers = count()


async def main() -> int:
    options = arguments(__doc__ or "", tuple(FLOODS))
    rounds, sentences = (1, 5) if options.quick else (min(options.rounds, 5), 40)
    with measured(PACKAGES, options) as figures, workplace() as (broker, folder):
        figures.add("one piece of the flood on an idle engine", await asyncio.to_thread(piece_milliseconds), "ms")
        for flood, (size, priority, topic) in FLOODS.items():
            if options.only in {None, flood}:
                print(f"{size} requests {flood}", file=sys.stderr, flush=True)
                await Fairness(broker, folder, figures, sentences).run(flood, (size, priority, topic), rounds)
    return 0


class Fairness:
    """Stints of a small tenant, calm and flooded."""

    def __init__(self, broker: EmbeddedBroker, folder: Path, figures: Figures, sentences: int) -> None:
        self._broker = broker
        self._folder = folder
        self._figures = figures
        self._sentences = sentences

    async def run(self, flood: str, how: tuple[int, str, str], rounds: int) -> None:
        """So many pairs."""

        async def calm(_: int) -> list[float]:
            return await self._stint(lambda name: asyncio.sleep(0))

        async def flooded(_: int) -> list[float]:
            return await self._stint(lambda name: self._flood(name, *how))

        async for alone, beside in pairs(rounds, calm, flooded):
            for percent in (50, 90, 99):
                one, other = (1000 * percentile(waits, percent) for waits in (alone, beside))
                self._figures.add(f"{flood}: p{percent} with the flood / without", other / one)
                self._figures.add(f"{flood}: p{percent} without the flood", one, "ms")
                self._figures.add(f"{flood}: p{percent} with the flood", other, "ms")
                self._figures.add(f"{flood}: p{percent} added", other - one, "ms")

    async def _stint(self, before: Callable[[str], Awaitable[None]]) -> list[float]:
        """Seconds that each of the small tenant's sentences took."""
        name = f"fair-{next(_numbers)}"
        cores = str(len(os.sched_getaffinity(0)))
        async with running(
            loa_worker(name, self._broker.bootstrap, self._folder, MODELS="hibari", ENGINE_PROCESSES=cores)
        ) as worker:
            await worker.ready()
            async with Client(self._broker.bootstrap, name, tenant="small") as client:
                await client.open_loop(
                    {f"warm-{number}": SENTENCE for number in range(12)}, [0.2 * n for n in range(12)]
                )
                await before(name)
                requests = {f"small-{number}": SENTENCE for number in range(self._sentences)}
                return await client.open_loop(requests, [number * GAP_SECONDS for number in range(self._sentences)])

    async def _flood(self, name: str, size: int, priority: str, topic: str) -> None:
        spoken = texts(120)
        began = time.perf_counter()
        async with Client(self._broker.bootstrap, name, topic, tenant="flood", priority=priority) as client:
            await client.burst({f"flood-{number}": spoken[number % len(spoken)] for number in range(size)})
        self._figures.add(f"the flood of {size} on the log", time.perf_counter() - began, "s")


def piece_milliseconds() -> float:
    """What one engine takes for a text of the flood, alone: the median of some."""
    engine = Hibari()
    engine.load()
    taken = []
    for number, text in enumerate(texts(24)):
        began = time.perf_counter()
        engine.speak(Piece(text[: engine.max_characters], engine.voices[0].name, 1.0, number))
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken[4:])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
