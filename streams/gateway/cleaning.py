"""A clean-up on demand: asked for on the log like any other, and counted by what the log says of it."""

import asyncio
from datetime import datetime
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from storage.expiry import SHARDS
from streams.events import CleanupRequested
from streams.gateway.errors import ApiError
from streams.gateway.waits import Waits
from streams.kafka import EventWriter
from streams.readers.group import committed_offsets
from streams.settings import Settings

LOOK_SECONDS = 0.3


class Cleaning:
    """One clean-up of all shards."""

    def __init__(self, settings: Settings, writer: EventWriter, waits: Waits) -> None:
        self._settings = settings
        self._writer = writer
        self._waits = waits
        self._count = 0
        self._size = 0

    async def run(self, cutoff: datetime) -> tuple[int, int]:
        """Returns how many files went, of how many bytes. Raises ApiError if no worker does it in time."""
        self._waits.heard.append(self._hear)
        try:
            async with asyncio.timeout(self._settings.sync_seconds):
                commands = (CleanupRequested(cutoff=cutoff, shard=shard) for shard in SHARDS)
                places = await asyncio.gather(*map(self._writer.emit, commands))
                ends = {TopicPartition(place.topic, place.partition): place.offset for place in places}
                while not await self._passed(ends):  # noqa: ASYNC110 - the broker tells no one by itself
                    await asyncio.sleep(LOOK_SECONDS)
                await self._waits.caught_up("deleted")
        except TimeoutError:
            raise ApiError(503, "internal", "no worker has cleaned up in time; it will be done") from None
        except KafkaError as error:
            raise ApiError(503, "internal", f"the clean-up could not be asked for: {error}") from error
        finally:
            self._waits.heard.remove(self._hear)
        return self._count, self._size

    async def _passed(self, ends: dict[TopicPartition, int]) -> bool:
        """Whether the workers have executed the commands at these offsets and all before them."""
        committed = await committed_offsets(self._settings)
        return all(committed.get(pair, 0) > offset for pair, offset in ends.items())

    def _hear(self, short: str, event: dict[str, Any]) -> None:
        if short == "deleted" and event.get("reason") != "requested":
            self._count += 1
            self._size += int(event.get("file_size") or 0)
