"""Looks at an installation again and again, and reads on from where it was."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from storage.records import iso
from streams.readers.group import Member, lag, members
from streams.readers.replay import Replay, ReplayError, open_replay
from streams.readers.tail import event_of
from streams.readers.top.picture import Picture
from streams.readers.top.processes import processes
from streams.readers.top.recent import Recent
from streams.settings import Settings
from streams.topics import Topics

OUTCOMES = ("completed", "failed")


class Looking:
    """Made by `looking`."""

    def __init__(self, settings: Settings, reader: Replay, window_seconds: float, metrics: Sequence[str]) -> None:
        self._settings = settings
        self._reader = reader
        self._metrics = metrics
        self._shorts = {Topics(settings)[short].name: short for short in OUTCOMES}
        self._recent = Recent(window_seconds)
        self._next: dict[TopicPartition, int] = {}

    async def look(self) -> Picture:
        """What is so now. Raises KafkaError, TopicsError, ReplayError."""
        found, behind = await members(self._settings), await lag(self._settings)
        await self._read()
        return self._picture(await processes(self._metrics), found, behind)

    async def look_again(self) -> Picture:
        """The same, but a broker that does not answer is told in the picture."""
        try:
            return await self.look()
        except (KafkaError, ReplayError) as error:
            return self._picture(await processes(self._metrics), [], {}, str(error) or type(error).__name__)

    async def _read(self) -> None:
        began = datetime.fromtimestamp(time.time() - self._recent.seconds, UTC)
        await self._reader.window(self._shorts, None if self._next else began)
        for pair, span in self._reader.ranges.items():
            span.start = min(span.end, max(span.first, self._next.get(pair, span.start)))
        async for records in self._reader.batches(self._shorts):
            for record in records:
                if event := event_of(record):
                    self._recent.add(self._shorts[record.topic], record.timestamp / 1000, event)
        self._next = {pair: span.end for pair, span in self._reader.ranges.items()}
        self._recent.forget(time.time())

    def _picture(
        self, told: list[dict[str, Any]], found: list[Member], behind: dict[str, int], trouble: str | None = None
    ) -> Picture:
        recent = self._recent
        return Picture(
            time=iso(datetime.now(UTC)),
            group=self._settings.kafka_group,
            window_seconds=recent.seconds,
            lag=behind,
            throughput=recent.throughput(),
            workers=_workers(found, recent.of_workers()),
            engines=recent.engines(),
            failures=recent.failures(),
            processes=told,
            trouble=trouble,
        )


@asynccontextmanager
async def looking(settings: Settings, window_seconds: float, metrics: Sequence[str] = ()) -> AsyncIterator[Looking]:
    """Look at an installation within the block, without joining a group.

    `window_seconds`: the while of which rates are. `metrics`: addresses of processes. Raises TopicsError if a topic is
    missing, KafkaConnectionError where no broker answers.
    """
    topics = Topics(settings)
    async with open_replay(settings, [topics[short].name for short in OUTCOMES]) as reader:
        yield Looking(settings, reader, window_seconds, metrics)


def _workers(found: list[Member], recent: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Members of the group with what they did, then those who did something and are none any more."""
    here = {member.client.removeprefix("loa-"): member for member in found}
    nothing = {"completed": 0, "failed": 0, "speech_seconds_per_second": 0.0, "last": None}
    rows = []
    for name in [*sorted(here), *sorted(recent.keys() - here.keys())]:
        member, did = here.get(name), recent.get(name, nothing)
        last = did["last"]
        rows.append(
            {
                "worker": name,
                "here": member is not None,
                "host": member.host if member else None,
                "partitions": sum(map(len, member.partitions.values())) if member else 0,
                **did,
                "last": iso(datetime.fromtimestamp(last, UTC)) if last else None,
            }
        )
    return rows
