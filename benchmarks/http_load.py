"""The client of the benchmarks over HTTP: so many callers, each with its next call once its last is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

Call = Callable[[aiohttp.ClientSession], Awaitable[None]]
"""One call, its answer read to the end. Raises for an answer that is not as wanted."""


@dataclass
class Load:
    """What was answered. `seconds`: until the last answer; `waits`: seconds that each call took."""

    seconds: float = 0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.waits) / self.seconds


async def load(call: Call, callers: int, seconds: float) -> Load:
    """Begin calls for so long. Those that are being answered at the end are waited for, and count."""
    made, connector = Load(), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        start = time.perf_counter()

        async def caller() -> None:
            while (began := time.perf_counter()) < start + seconds:
                await call(session)
                made.waits.append(time.perf_counter() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
        made.seconds = time.perf_counter() - start
    return made


async def drain(answer: aiohttp.ClientResponse, status: int) -> None:
    """Read an answer and throw it away. Raises for another status."""
    if answer.status != status:
        raise RuntimeError(f"{answer.method} {answer.url}: {answer.status} {(await answer.text())[:500]}")
    async for _ in answer.content.iter_any():
        pass
