"""The client of the benchmarks over HTTP: so many callers, each with its next call once its last is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

Call = Callable[[aiohttp.ClientSession], Awaitable[int]]
"""One call; returns the bytes of its answer's body. Raises for an answer that is not as wanted."""


@dataclass
class Load:
    """What was answered within `seconds`. `waits`: seconds that each call took, whichever it was."""

    seconds: float
    waits: list[float] = field(default_factory=list)
    size: int = 0

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.waits) / self.seconds


async def load(call: Call, callers: int, seconds: float) -> Load:
    """Call for so long. Calls that are being answered at the end are waited for, and do not count."""
    made, connector = Load(seconds), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        end = time.perf_counter() + seconds

        async def caller() -> None:
            while (began := time.perf_counter()) < end:
                size = await call(session)
                if (now := time.perf_counter()) < end:
                    made.waits.append(now - began)
                    made.size += size

        async with asyncio.TaskGroup() as callers_:
            for _ in range(callers):
                callers_.create_task(caller())
    if not made.waits:
        raise RuntimeError(f"nothing was answered within {seconds:g} s")
    return made


async def drain(answer: aiohttp.ClientResponse, status: int) -> int:
    """Read an answer and throw it away; returns its size. Raises for another status."""
    if answer.status != status:
        raise RuntimeError(f"{answer.method} {answer.url}: {answer.status} {(await answer.text())[:500]}")
    size = 0
    async for piece in answer.content.iter_any():
        size += len(piece)
    return size
