"""Part a: speaking over HTTP with an engine that answers at once, against the same call answered without Kafka."""

import os
from pathlib import Path

import aiohttp
from common import Figures, cpu_seconds, own_cpu_seconds, pairs, percentile
from http_load import Load, drain, load
from processes import bare_http, broker_pids, loa_gateway, loa_worker, running
from texts import SHORT

from streams.broker import EmbeddedBroker

NAME = "bench-gateway-a"
CALLERS = 200
SECONDS = 6.0
BODY = {"text": SHORT, "model": "tone"}


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, quick: bool) -> None:
    """200 callers of POST /api/tts/synthesize, against a bare FastAPI app."""
    worker = loa_worker(NAME, broker.bootstrap, folder, MODELS="tone", ENGINE_PROCESSES="1")
    gateway = loa_gateway(NAME, broker.bootstrap, folder, MODELS="tone")
    prepared = folder / "prepared"
    prepared.mkdir()
    async with running(worker):
        await worker.ready()
        async with running(gateway):
            await gateway.ready()
            (prepared / "prepared.wav").write_bytes(await _one(str(gateway.said["http"])))
            async with running(bare_http(prepared)) as bare:
                await bare.ready()
                pids = {"gateway": [gateway.pid], "worker and engine": [worker.pid], "broker": broker_pids(broker)}
                both = _Both(figures, str(bare.said["http"]), str(gateway.said["http"]), pids)
                await both.run(rounds, 1.0 if quick else SECONDS)


class _Both:
    def __init__(self, figures: Figures, bare: str, gateway: str, pids: dict[str, list[int]]) -> None:
        self._figures = figures
        self._bare = bare
        self._gateway = gateway
        self._pids = pids

    async def run(self, rounds: int, seconds: float) -> None:
        await self._stint(self._bare, seconds / 2)
        await self._stint(self._gateway, seconds / 2)
        taken = pairs(rounds, lambda _: self._stint(self._bare, seconds), lambda _: self._counted(seconds))
        async for bare, loa in taken:
            self._figures.add("a: requests per second, Loa / without Kafka", loa.rate / bare.rate)
            for percent in (50, 99):
                with_loa, without = percentile(loa.waits, percent), percentile(bare.waits, percent)
                self._figures.add(f"a: p{percent}, Loa / without Kafka", with_loa / without)
                self._figures.add(f"a: Loa: p{percent}", 1000 * with_loa, "ms")
                self._figures.add(f"a: without Kafka: p{percent}", 1000 * without, "ms")
            self._figures.add("a: Loa: requests per second", loa.rate, "1/s")
            self._figures.add("a: without Kafka: requests per second", bare.rate, "1/s")

    async def _stint(self, address: str, seconds: float) -> Load:
        async def call(session: aiohttp.ClientSession) -> None:
            async with session.post(f"{address}/api/tts/synthesize", json=BODY) as answer:
                await drain(answer, 200)

        return await load(call, CALLERS, seconds)

    async def _counted(self, seconds: float) -> Load:
        """A stint of Loa's, with what each process took for a request."""
        before = {name: cpu_seconds(*pids) for name, pids in self._pids.items()}
        client = own_cpu_seconds(os.getpid())
        made = await self._stint(self._gateway, seconds)
        for name, pids in self._pids.items():
            self._add_cpu(name, cpu_seconds(*pids) - before[name], made)
        self._add_cpu("client", own_cpu_seconds(os.getpid()) - client, made)
        return made

    def _add_cpu(self, name: str, seconds: float, made: Load) -> None:
        self._figures.add(f"a: {name}: CPU per request", 1000 * seconds / len(made.waits), "ms")


async def _one(address: str) -> bytes:
    """The audio of one request."""
    async with aiohttp.ClientSession() as session, session.post(f"{address}/api/tts/synthesize", json=BODY) as answer:
        answer.raise_for_status()
        return await answer.read()
