"""Part a: the worker against a bare loop over the same engine with as many processes."""

import os
import time
from pathlib import Path

import psutil
from bare import Bare, work
from clients import Client
from common import Figures, cpu_seconds, own_cpu_seconds, pairs, peak_rss_mib
from processes import Child, broker_pids, loa_worker, running
from texts import texts

from models.hibari import Hibari
from streams.broker import EmbeddedBroker

NAME = "bench-a"


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, count: int) -> None:
    """The worker against a bare loop over the same engine."""
    cores = len(os.sched_getaffinity(0))
    spoken = texts(count)
    worker = loa_worker(NAME, broker.bootstrap, folder, MODELS="hibari", ENGINE_PROCESSES=str(cores))
    with Bare(cores, work(spoken)) as bare:
        async with running(worker):
            figures.add("loa worker: start to ready", await worker.ready(), "s")
            async with Client(broker.bootstrap, NAME) as client:
                measured = _Both(figures, broker, worker, client, bare, spoken)
                await measured.warm_up()
                async for baseline, loa in pairs(rounds, measured.bare_round, measured.loa_round):
                    measured.compare(baseline, loa)
            _memory(figures, worker)


class _Both:
    """The same texts through either, once a round."""

    def __init__(
        self, figures: Figures, broker: EmbeddedBroker, worker: Child, client: Client, bare: Bare, spoken: list[str]
    ) -> None:
        self._figures = figures
        self._broker = broker_pids(broker)
        self._worker = worker
        self._client = client
        self._bare = bare
        self._texts = spoken
        self._beside = 0.0  # cores that the broker and this client took in the latest round

    async def warm_up(self) -> None:
        """One whole round of each: lexicons, caches, connections, the JIT of the broker."""
        await self.bare_round(-1)
        await self.loa_round(-1)

    async def bare_round(self, _: int) -> tuple[dict[int, int], float, float]:
        """Samples of each text, wall seconds, CPU seconds."""
        idle, began = cpu_seconds(self._worker.pid), time.perf_counter()
        result = await self._bare.run()
        idle = (cpu_seconds(self._worker.pid) - idle) / (time.perf_counter() - began)
        self._figures.add("idle worker during the bare loop", 100 * idle, "% of a core")
        return result

    async def loa_round(self, number: int) -> tuple[dict[int, int], float, float]:
        """The same, from the first request sent to the last outcome received; every outcome is looked at."""
        requests = {f"r{number}-{n}": text for n, text in enumerate(self._texts)}
        pid = self._worker.pid
        before, own = cpu_seconds(pid), own_cpu_seconds(pid)
        beside = cpu_seconds(*self._broker), own_cpu_seconds(os.getpid())
        began = await self._client.burst(requests)
        outcomes = await self._client.finished(requests)
        wall = max(outcome.at for outcome in outcomes) - began
        cpu, own = cpu_seconds(pid) - before, own_cpu_seconds(pid) - own
        broker, client = cpu_seconds(*self._broker) - beside[0], own_cpu_seconds(os.getpid()) - beside[1]
        self._beside = (broker + client) / wall
        for name, seconds in (("worker process alone", own), ("broker", broker), ("client", client)):
            self._figures.add(f"{name}: CPU per request", 1000 * seconds / len(requests), "ms")
        events = [self._client.outcomes[request_id] for request_id in requests]
        if any(len(outcome) != 1 for outcome in events):
            raise RuntimeError("a request has more than one outcome")
        samples = {n: round(e[0].event["duration_seconds"] * e[0].event["sample_rate"]) for n, e in enumerate(events)}
        return samples, wall, cpu

    def compare(self, bare: tuple[dict[int, int], float, float], loa: tuple[dict[int, int], float, float]) -> None:
        """One pair. Raises RuntimeError unless both made the very same lengths of audio."""
        if bare[0] != loa[0]:
            raise RuntimeError("Loa and the bare loop made different audio")
        audio = sum(loa[0].values()) / Hibari.rate
        add = self._figures.add
        add("a: audio seconds per second, Loa / bare loop", bare[1] / loa[1], target=">= 0.93")
        cores = len(os.sched_getaffinity(0))
        left = (cores - self._beside) / cores
        add("a: the same, of the cores that broker and client left", bare[1] / loa[1] / left)
        add("a: CPU per audio second, Loa / bare loop", loa[2] / bare[2], target="<= 1.08")
        add("Loa: audio seconds per second", audio / loa[1], "s/s")
        add("bare loop: audio seconds per second", audio / bare[1], "s/s")
        add("Loa: CPU per audio second", 1000 * loa[2] / audio, "ms")
        add("bare loop: CPU per audio second", 1000 * bare[2] / audio, "ms")


def _memory(figures: Figures, worker: Child) -> None:
    figures.add("peak memory: worker process", peak_rss_mib(worker.pid), "MiB")
    for engine in psutil.Process(worker.pid).children():
        figures.add("peak memory: engine process", peak_rss_mib(engine.pid), "MiB")
