"""Clients of what is measured: they send requests, and note each outcome and when it came. `Client` is Kafka's."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 8
QUIET_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """One event about a request. `at`: when it arrived here, `time.perf_counter()`."""

    at: float
    failed: bool
    event: Mapping[str, Any]


async def make_topics(brokers: str, name: str) -> None:
    """The topics of a pipeline that does not make its own; with as many partitions as Loa's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(f"{name}.{t}", PARTITIONS, 1) for t in ("requests", "completed", "failed")])
    finally:
        await admin.close()


class Requests(ABC):
    """What all clients share, each an async context manager. `send` and what calls `note` are their own."""

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._changed = asyncio.Event()

    @abstractmethod
    async def send(self, request_id: str, text: str) -> Awaitable[object]:
        """Send one request; what is returned is done once it has been taken."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Begin to listen for outcomes."""

    @abstractmethod
    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""

    def note(self, request_id: str, event: Mapping[str, Any], *, failed: bool) -> None:
        """An outcome has come."""
        self.outcomes[request_id].append(Outcome(time.perf_counter(), failed, event))
        self._changed.set()

    async def burst(self, requests: Mapping[str, str]) -> float:
        """Send all at once; returns when the first was sent."""
        began = time.perf_counter()
        await asyncio.gather(*[await self.send(request_id, text) for request_id, text in requests.items()])
        return began

    async def open_loop(self, requests: Mapping[str, str], offsets: Sequence[float]) -> list[float]:
        """Send each in so many seconds, whatever has come back; returns seconds from then to each outcome."""
        due = await self.arrive(requests, offsets)
        await self.finished(requests)
        return [self.outcomes[request_id][0].at - due[request_id] for request_id in requests]

    async def arrive(self, requests: Mapping[str, str], offsets: Sequence[float]) -> dict[str, float]:
        """Send each in so many seconds, and wait for no outcome; returns when each was due."""
        began = time.perf_counter() + 0.2
        due = {}
        for (request_id, text), offset in zip(requests.items(), offsets, strict=True):
            due[request_id] = began + offset
            await asyncio.sleep(max(0.0, due[request_id] - time.perf_counter()))
            await self.send(request_id, text)
        return due

    async def finished(self, requests: Iterable[str], quiet_seconds: float = QUIET_SECONDS) -> list[Outcome]:
        """Wait until each has an outcome, and return them. Raises on a failure, and after so long without any news."""
        missing = set(requests)
        wanted = list(missing)
        while missing := {request_id for request_id in missing if request_id not in self.outcomes}:
            try:
                await self.news(quiet_seconds)
            except TimeoutError:
                raise TimeoutError(f"no news for {quiet_seconds} s, and no outcome of {sorted(missing)}") from None
        outcomes = [self.outcomes[request_id][0] for request_id in wanted]
        failed = [outcome.event for outcome in outcomes if outcome.failed]
        if failed:
            raise RuntimeError(f"{len(failed)} requests failed, such as {failed[0]}")
        return outcomes

    async def news(self, seconds: float) -> None:
        """Wait for the next outcome. Raises TimeoutError."""
        self._changed.clear()
        await asyncio.wait_for(self._changed.wait(), seconds)


class Client(Requests):
    """Enter it once the topics are there. `fields`: what requests say beside id and text."""

    def __init__(self, brokers: str, name: str, topic: str = "requests", **fields: str) -> None:
        super().__init__()
        self._fields = fields
        self._topic = f"{name}.{topic}"
        self._failed = f"{name}.failed"
        self._options = {"bootstrap_servers": brokers}
        self._topics = (f"{name}.completed", self._failed)

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(**self._options)
        self._consumer = AIOKafkaConsumer(*self._topics, auto_offset_reset="earliest", **self._options)
        await self._producer.start()
        await self._consumer.start()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._consumer.stop()
        await self._producer.stop()

    async def _read(self) -> None:
        async for record in self._consumer:
            event = json.loads(record.value)
            self.note(event["request_id"], event, failed=record.topic == self._failed)

    async def send(self, request_id: str, text: str) -> Awaitable[object]:
        value = json.dumps({"request_id": request_id, "text": text} | self._fields).encode()
        return await self.send_bytes(request_id, value)

    async def send_bytes(self, request_id: str, value: bytes) -> Awaitable[object]:
        """Send what need not be a request."""
        return await self._producer.send(self._topic, value, request_id.encode())
