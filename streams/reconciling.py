"""`loa reconcile`: the reconciler as a process, and as a part of `loa up`."""

import asyncio
from collections.abc import Callable
from typing import Any

from streams.kafka import EventWriter
from streams.readers.reconcile import Reconciler
from streams.settings import Settings
from streams.topics import Topics


class Reconciling:
    """Puts back what the workers passed without an outcome, until stopped. `ready` is called once it looks."""

    def __init__(
        self, settings: Settings, grace: float, interval: float, ready: Callable[[dict[str, Any]], None]
    ) -> None:
        """`grace`: seconds that an outcome may take. `interval`: seconds between two looks."""
        self._settings = settings
        self._grace = grace
        self._interval = interval
        self._ready = ready
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop after what is being written."""
        self._stopping.set()

    async def run(self) -> int:
        """Look until stopped; returns the exit status. Raises KafkaConnectionError where no broker answers."""
        writer = EventWriter(self._settings, Topics(self._settings))
        await writer.start()
        looking = asyncio.create_task(Reconciler(self._settings, writer, grace=self._grace).run(self._interval))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            self._ready({"ready": True, "group": self._settings.kafka_group})
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                looking.result()
            return 0
        finally:
            looking.cancel()
            stopping.cancel()
            await asyncio.gather(looking, stopping, return_exceptions=True)
            await writer.stop()
