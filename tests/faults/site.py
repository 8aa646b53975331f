"""An installation under faults: its workers are forked, watched over, and checked at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import admin_client
from streams.settings import load
from tests.faults import projected
from tests.faults.figures import Figures
from tests.faults.invariants import TOPICS, Evidence, Findings, examine
from tests.faults.places import Bucket
from tests.faults.settings import rounds
from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import PATIENCE, Loa, until
from tests.kafka.reader import Event

CONSUMED = ("requests", "requests.bulk", "requests.retry")
PAUSE_SECONDS = 0.2
"""Between two looks that cost the broker something."""

SETTLED_SECONDS = rounds(1, 10) * PATIENCE
"""A long run leaves more behind."""

SOON_SECONDS = 30.0
"""What expires within that time is waited for."""

MARK = "LOA_FAULTS_SITE"


@dataclass
class Site(Installation):
    """`statuses`: exit statuses that workers may have; a replacement is then up to the test, or to `kept`.

    `bucket`: where its audio and its index are instead of a directory and a file; gateways are at work there.
    """

    figures: Figures = field(default_factory=Figures)
    statuses: set[int] = field(default_factory=lambda: {0, -signal.SIGKILL})
    bucket: Bucket | None = None
    _mirrors: int = 0

    @property
    def settings(self) -> dict[str, str]:
        ours = {
            "TTS_CLEANUP_INTERVAL_MINUTES": "0.03",
            "TTS_ORPHAN_GRACE_MINUTES": "0.02",
            "TTS_RETRY_DELAY_SECONDS": "0.2",
            "TTS_WINDOW_REQUESTS": "16",
            "TTS_DRAIN_SECONDS": "10",
            MARK: self.name,
        }
        return super().settings | ours | (self.bucket.settings if self.bucket else {}) | dict(self.more)

    @property
    def scratch(self) -> Path:
        """Where its workers keep files in the making."""
        return self.folder / f"loa-{os.getuid()}" if self.bucket else self.storage / "tmp"

    def unfinished(self) -> list[Path]:
        """See `Installation.unfinished`."""
        if self.bucket is None:
            return super().unfinished()
        return [*self.scratch.glob("w-*/*"), *map(Path, self.bucket.pieces())]

    async def begin(self) -> None:
        """Make the topics; beside a bucket there is a gateway from the beginning."""
        await self.create_topics()
        if self.bucket:
            self.start_gateway()

    def start_gateway(self, **settings: str) -> Loa:
        """Start a gateway on a free port."""
        return self.run("gateway", "--port", "0", **settings)

    def check_workers(self) -> None:
        for process in self.processes:
            ended = process.popen.poll()
            assert ended is None or ended in self.statuses, f"ended with {ended}: {process.said[-3000:]}"

    @property
    def running(self) -> list[Loa]:
        """Workers."""
        return self._running("worker")

    @property
    def gateways(self) -> list[Loa]:
        """Those that run."""
        return self._running("gateway")

    def _running(self, command: str) -> list[Loa]:
        return [process for process in self.processes if process.arguments[0] == command and process.running]

    @asynccontextmanager
    async def kept(self, count: int = 1, **settings: str) -> AsyncIterator[Callable[[int], None]]:
        """So many workers, each started again when it ends, as a supervisor does; yields what changes their number."""
        wanted, stopping = count, False

        async def keep() -> None:
            while not stopping:
                for _ in range(wanted - len(self.running)):
                    self.start_worker(**settings)
                await asyncio.sleep(0.1)

        def scale(number: int) -> None:
            nonlocal wanted
            wanted = number
            for worker in self.running[number:]:
                worker.send(signal.SIGTERM)

        task = asyncio.create_task(keep())
        try:
            await until(lambda: len(self.running) == count and all(w.lines for w in self.running), "workers at work")
            yield scale
        finally:
            stopping = True
            await task

    async def settled(self, seconds: float = SETTLED_SECONDS) -> None:
        """Wait until the group has passed all that the log holds now."""
        pairs = [TopicPartition(self.topic(short), number) for short in CONSUMED for number in range(PARTITIONS)]
        async with (
            AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap) as consumer,
            admin_client(load(self.settings | {"TTS_KAFKA_BROKERS": self.kafka.bootstrap})) as admin,
        ):

            async def passed() -> bool:
                self.check_workers()
                await asyncio.sleep(PAUSE_SECONDS)
                found = await admin.list_consumer_group_offsets(self.name)
                ends = await consumer.end_offsets(pairs)
                return all(end <= (found[pair].offset if pair in found else 0) for pair, end in ends.items())

            await until(passed, f"{self.name} has passed all requests", seconds)

    async def events(self) -> list[Event]:
        """The whole log as it is now."""
        async with self.reader(*TOPICS) as reader:
            await reader.to_end()
            return reader.events

    async def evidence(self) -> Evidence:
        """The whole log and the store as they are now."""
        events = await self.events()
        if self.bucket is None:
            return Evidence(self.storage, events)
        self._mirrors += 1
        mirror = self.folder / "mirrors" / str(self._mirrors)
        await asyncio.to_thread(self.bucket.mirror, mirror)
        return Evidence(mirror, events)

    async def stop(self) -> None:
        """Stop all workers in order; nothing of them may be left."""
        await self._stop(self.running)

    async def _stop(self, processes: list[Loa]) -> None:
        for process in processes:
            process.send(signal.SIGTERM)
        for process in processes:
            assert await process.status() == 0, process.said[-3000:]
        await until(lambda: not self.left(), "the end of everything that they started", 30)

    def left(self) -> list[psutil.Process]:
        """Processes that carry this site's mark, but for gateways that run."""
        found = []
        gateways = {gateway.popen.pid for gateway in self.gateways}
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARK) == self.name and process.pid not in gateways
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    async def clean(self) -> None:
        """Wait until clean-up has settled all that is due, and nothing of the dead is left in scratch.

        Workers that are at work have a folder there each; one that was told to stop before would leave all as it is.
        """

        left: list[object] = []

        async def settled() -> bool:
            self.check_workers()
            await asyncio.sleep(PAUSE_SECONDS)
            unfinished = await asyncio.to_thread(self.unfinished)
            at_work = all(worker.lines for worker in self.running)
            of_the_dead = len(list(self.scratch.glob("w-*.lock"))) - len(self.running)
            due = Evidence(self.storage, await self.events()).due(time.time() + SOON_SECONDS)
            left[:] = [of_the_dead, *due, *unfinished]
            return at_work and of_the_dead <= 0 and len(left) == 1

        try:
            await until(settled, f"{self.name} cleaned up", SETTLED_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}: {left}") from None

    async def verify(self, faults: int = 1, *, expect: Callable[[Findings], None] | None = None) -> Findings:
        """Let everything settle, stop in order, and hold log and store against every promise."""
        await self.settled()
        await self.clean()
        await self.stop()
        evidence = await self.evidence()
        findings = examine(evidence)
        findings.problems += [f"left behind: {path}" for path in self.scratch.glob("w-*")]
        if self.gateways:
            findings.problems += await projected.complaints(self, self.gateways[-1], evidence)
            await self._stop(self.gateways)
        self.figures.add(self.name, faults, findings)
        if expect is None:
            assert not findings.problems, "\n".join(findings.problems[:40])
        else:
            expect(findings)
        return findings
