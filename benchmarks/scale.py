"""More workers, fewer workers, and workers restarted one by one, under load. `make bench-scale`.

The engine only waits (`waiting.py`), so that several workers on a small machine are as several machines. Absolute
figures mean nothing; what counts is how work is shared, and how long nobody is answered while that changes. After each
part the audit holds the log against the store. 1, 8 and 64 devices are calculated by `make bench-schedule`.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path

from clients import Client
from common import Figures, arguments, measured
from processes import HERE, Child, loa_environment, loa_worker, running, workplace
from waiting import SECONDS

from streams.broker import EmbeddedBroker

WORKERS = (1, 2, 4)
LEAST_OF_LINEAR = 0.9
SESSION_SECONDS = 15
RESTART_SECONDS = 60  # a busy machine takes longer than a session to start a worker
MODEL = "waiting:Waiting"
PACKAGES = ("loa-tts", "faust-streaming", "aiokafka")


@dataclass
class Part:
    """One installation: its topics, storage and workers are named after it."""

    broker: EmbeddedBroker
    folder: Path
    name: str
    session: int = SESSION_SECONDS
    sent: dict[str, float] = field(default_factory=dict)

    def worker(self, number: int) -> Child:
        """The worker of a number; started again it is the same member of the group."""
        settings = {"MODELS": MODEL, "ENGINE_PROCESSES": "1", "WORKER_ID": f"worker-{number}"}
        settings["KAFKA_SESSION_TIMEOUT_SECONDS"] = str(self.session)
        child = loa_worker(self.name, self.broker.bootstrap, self.folder, **settings)
        child.log = self.folder / f"{self.name}-{number}.log"
        return child

    @asynccontextmanager
    async def workers(self, number: int) -> AsyncIterator[list[Child]]:
        """So many, ready; those that the list has at the end are stopped."""
        there: list[Child] = []
        try:
            for index in range(number):
                there.append(self.worker(index))
                await there[-1].start()
            for worker in there:
                await worker.ready()
            yield there
        finally:
            await asyncio.gather(*(worker.stop() for worker in there))

    @asynccontextmanager
    async def load(self, client: Client, per_second: float) -> AsyncIterator[None]:
        """A steady beat of requests within the block; then all are waited for."""

        async def flow() -> None:
            began = time.perf_counter()
            for number in count():
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                name = f"request-{number}"
                self.sent[name] = time.perf_counter()
                await client.burst({name: f"This is {name}."})

        flowing = asyncio.create_task(flow())
        try:
            yield
        finally:
            flowing.cancel()
            await asyncio.gather(flowing, return_exceptions=True)
        await client.finished(self.sent)

    async def audited(self, figures: Figures, what: str) -> None:
        """Whether anything was lost or has two results, by `loa audit`; and how many outcomes were told again."""
        command = [sys.executable, "-m", "streams.cli", "audit", "--json", "--grace", "0"]
        settings = loa_environment(self.name, self.broker.bootstrap, self.folder, MODELS=MODEL)
        environment = {**os.environ, **settings, "PYTHONPATH": str(HERE)}
        audit = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
        said, _ = await audit.communicate()
        report = json.loads(said.splitlines()[-1])
        figures.add(f"{what}: findings of the audit", sum(report["findings"].values()), "", "<= 0")


def pause(client: Client, sent: dict[str, float], since: float, until: float) -> tuple[float, float]:
    """The longest time without any answer, and the longest that a request of this time waited for its own."""
    came = sorted(outcome.at for seen in client.outcomes.values() for outcome in seen)
    marks = [since, *(at for at in came if since < at < until), until]
    waits = [client.outcomes[name][0].at - at for name, at in sent.items() if since <= at < until]
    return max(after - before for before, after in pairwise(marks)), max(waits, default=0.0)


async def throughput(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, seconds: float) -> None:
    """Requests a second of 1, 2 and 4 workers with a backlog."""
    for number in range(rounds):
        speeds = {}
        for workers in WORKERS[:: -1 if number % 2 else 1]:
            part = Part(broker, folder, f"scale-{number}-{workers}")
            async with part.workers(workers), Client(broker.bootstrap, part.name) as client:
                most = round(2 * workers * seconds / SECONDS)
                await client.burst({f"request-{n}": f"This is request {n}." for n in range(most)})
                while len(client.outcomes) < 2 * workers:
                    await client.news(60)
                began, before = time.perf_counter(), len(client.outcomes)
                await asyncio.sleep(seconds)
                speeds[workers] = (len(client.outcomes) - before) / (time.perf_counter() - began)
            figures.add(f"{workers} workers", speeds[workers], "requests/s")
        for workers in WORKERS[1:]:
            ratio = speeds[workers] / (workers * speeds[1])
            figures.add(f"{workers} workers / {workers} times one", ratio, "", f">= {LEAST_OF_LINEAR}")


async def joining(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, seconds: float) -> None:
    """A third worker joins two under load, and leaves for good."""
    for number in range(rounds):
        part = Part(broker, folder, f"join-{number}")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(part.workers(2))
            client = await stack.enter_async_context(Client(broker.bootstrap, part.name))
            marks = {}
            async with part.load(client, 0.6 * 2 / SECONDS):
                await asyncio.sleep(seconds)
                marks["calm"] = (time.perf_counter() - seconds / 2, time.perf_counter())
                began = time.perf_counter()
                async with running(part.worker(2)) as third:
                    await third.ready()
                    await asyncio.sleep(seconds)
                    marks["one joins"] = (began, time.perf_counter())
                    began = time.perf_counter()
                await asyncio.sleep(SESSION_SECONDS + seconds)
                marks["one leaves"] = (began, time.perf_counter())
            _tell(figures, client, part, marks)
        await part.audited(figures, "joining")


async def rolling(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, seconds: float) -> None:
    """Three workers are restarted one by one under load."""
    for number in range(rounds):
        part = Part(broker, folder, f"roll-{number}", RESTART_SECONDS)
        async with AsyncExitStack() as stack:
            there = await stack.enter_async_context(part.workers(3))
            client = await stack.enter_async_context(Client(broker.bootstrap, part.name))
            marks = {}
            async with part.load(client, 0.5 * 3 / SECONDS):
                await asyncio.sleep(seconds)
                marks["calm"] = (time.perf_counter() - seconds / 2, time.perf_counter())
                began = time.perf_counter()
                for index in range(len(there)):
                    stopped = time.perf_counter()
                    await there[index].stop()
                    figures.add("rolling restart: a worker's leaving", time.perf_counter() - stopped, "s")
                    there[index] = part.worker(index)
                    await there[index].start()
                    figures.add("rolling restart: a worker's start", await there[index].ready(), "s")
                    await asyncio.sleep(seconds)
                marks["rolling restart"] = (began, time.perf_counter())
            _tell(figures, client, part, marks)
        await part.audited(figures, "rolling restart")


def _tell(figures: Figures, client: Client, part: Part, marks: dict[str, tuple[float, float]]) -> None:
    for what, (since, until) in marks.items():
        nobody, one = pause(client, part.sent, since, until)
        figures.add(f"{what}: longest time without an answer", nobody, "s")
        figures.add(f"{what}: longest wait of a request", one, "s")
    again = sum(len(client.outcomes[name]) - 1 for name in part.sent)
    figures.add(f"{part.name.partition('-')[0]}: outcomes told again", again, f"of {len(part.sent)}")


PARTS = {"throughput": throughput, "joining": joining, "rolling": rolling}


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS))
    os.environ["PYTHONPATH"] = str(HERE)  # where workers find the engine
    rounds, seconds = (1, 5.0) if options.quick else (min(options.rounds, 3), 20.0)
    with measured(PACKAGES, options) as figures, workplace() as (broker, folder):
        for name, part in PARTS.items():
            if options.only in {None, name}:
                print(f"{name}: {part.__doc__}", file=sys.stderr, flush=True)
                await part(broker, folder, figures, rounds, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
