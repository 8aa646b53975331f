"""What an installation has written to its topics, read from the start as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from tests.kafka.processes import PATIENCE


@dataclass(frozen=True)
class Event:
    """A record, with the short name of its topic."""

    short: str
    record: ConsumerRecord

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON object."""
        found: dict[str, Any] = orjson.loads(self.record.value)
        return found

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def headers(self) -> dict[str, bytes]:
        """The last value of each name."""
        return dict(self.record.headers)

    @property
    def ce_id(self) -> str:
        return self.headers["ce_id"].decode()

    @property
    def at(self) -> tuple[str, int, int]:
        """Where the record is in the log."""
        return self.record.topic, self.record.partition, self.record.offset


class Reader:
    """Follows topics without a group; an async context manager. `events`: all read so far, in the order of reading."""

    def __init__(self, bootstrap: str, topics: Mapping[str, str], check: Callable[[], None]) -> None:
        """`topics`: full to short names. `check`: fails when nothing more can be hoped for."""
        self.events: list[Event] = []
        self._shorts, self._check = topics, check
        self._consumer = AIOKafkaConsumer(
            *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=1 << 22
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    def of(self, short: str, **fields: Any) -> list[Event]:
        """Those of one topic whose fields have these values."""
        found = [event for event in self.events if event.short == short]
        return [e for e in found if not fields or fields.items() <= e.fields.items()]

    def outcomes(self) -> dict[str, list[Event]]:
        """`tts.completed` and `tts.failed` by request id."""
        table: dict[str, list[Event]] = {}
        for event in self.events:
            if event.short in {"completed", "failed"}:
                table.setdefault(event["request_id"], []).append(event)
        return table

    async def until(self, enough: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
        """Read on until there is enough; fails with what was read of late."""
        try:
            async with asyncio.timeout(seconds):
                while not enough():
                    self._check()
                    self._take(await self._consumer.getmany(timeout_ms=200))
        except TimeoutError:
            late = [(event.short, event.record.value) for event in self.events[-5:]]
            raise AssertionError(
                f"not within {seconds:g} s: {what}; {len(self.events)} events, the last: {late}"
            ) from None

    async def answered(self, *request_ids: str) -> dict[str, list[Event]]:
        """Read until each of these requests has an outcome; returns all outcomes by request id."""
        wanted = set(request_ids)
        await self.until(lambda: wanted <= self.outcomes().keys(), f"outcomes of {len(wanted)} requests")
        return self.outcomes()

    async def to_end(self) -> None:
        """Read all that the topics have now."""
        pairs = self._consumer.assignment()
        ends = await self._consumer.end_offsets(list(pairs))

        async def behind() -> bool:
            return any([await self._consumer.position(pair) < end for pair, end in ends.items()])

        async with asyncio.timeout(PATIENCE):
            while await behind():
                self._take(await self._consumer.getmany(timeout_ms=200))

    def _take(self, batches: Mapping[Any, list[ConsumerRecord]]) -> None:
        for records in batches.values():
            self.events += [Event(self._shorts[record.topic], record) for record in records]
