"""What the tests of this folder wait for."""

from __future__ import annotations

import asyncio
import time

from tests.faults.site import Site
from tests.kafka.reader import Reader

SESSION_SECONDS = 6.0
"""As the sites' workers have it."""

GENEROUS_SECONDS = 60.0
"""By design a replacement speaks within a session and five seconds; a busy test machine may take longer."""


async def last(seconds: float, why: str) -> None:
    """Let a fault last: here the time itself is what is tested, and there is no condition to wait for."""
    assert why
    await asyncio.sleep(seconds)


async def more_outcomes(reader: Reader, count: int) -> None:
    """Read on until there are so many outcomes more than have been read so far."""
    wanted = len(reader.events) + count
    await reader.until(lambda: len(reader.events) >= wanted, f"{count} more outcomes")


async def next_outcome(site: Site, reader: Reader, began: float) -> None:
    """Wait for an outcome that is not in the log yet, and note how long it took since a moment."""
    await reader.to_end()
    await more_outcomes(reader, 1)
    seconds = time.monotonic() - began
    site.figures.recovered(site.name, seconds)
    assert seconds < GENEROUS_SECONDS
