"""`loa reconcile`: the reconciler as a process, and as a part of `loa up`."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from streams.health import health_server
from streams.kafka import EventWriter
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.readers.reconcile import Reconciler
from streams.settings import Settings
from streams.topics import Topics
from streams.traces import recording


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
        async with AsyncExitStack() as stack:
            stack.enter_context(recording(self._settings, "loa-reconciler"))
            writer, metrics = EventWriter(self._settings, Topics(self._settings)), Metrics(Part.RECONCILER)
            stack.push_async_callback(writer.stop)
            await writer.start()
            reconciler = Reconciler(self._settings, writer, metrics, grace=self._grace)
            looking = asyncio.create_task(reconciler.run(self._interval))
            stopping = asyncio.create_task(self._stopping.wait())
            stack.push_async_callback(_end, looking, stopping)
            address = await stack.enter_async_context(health_server(self._settings, _well, _well, metrics))
            self._ready({"ready": True, "group": self._settings.kafka_group, "health": address})
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                looking.result()
            return 0


def _well() -> None:
    """It ends where it cannot go on, and what it cannot do for now the metrics tell."""


async def _end(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
