"""A client of a stream of events, that can break off and go on, at another gateway too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import orjson

from tests.kafka.processes import PATIENCE, until


class EventStream:
    """`events`: name and data of each one; `last_id`: what to go on from. `follow` reads until it is ended."""

    def __init__(self, address: str, last_id: str | None = None, **more: Any) -> None:
        self.address, self.last_id = address, last_id
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.begun = asyncio.Event()
        self._more = more

    def of(self, name: str) -> list[str]:
        """The request ids of the events of this name."""
        return [event["request_id"] for kind, event in self.events if kind == name]

    async def follow(self) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with (
            httpx.AsyncClient(base_url=self.address, timeout=PATIENCE) as client,
            client.stream(
                "GET", "/api/tts/events", headers=headers | self._more.pop("headers", {}), **self._more
            ) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            name, data = "", ""
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last_id = value
                    self.begun.set()
                elif field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif not line and data:
                    self.events.append((name, orjson.loads(data)))
                    data = ""

    @asynccontextmanager
    async def following(self) -> AsyncIterator[EventStream]:
        """Follow within the block, once the stream has begun."""
        task = asyncio.create_task(self.follow())
        begun = asyncio.create_task(self.begun.wait())
        try:
            await asyncio.wait({task, begun}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            assert not task.done(), task.exception()
            yield self
        finally:
            for each in (task, begun):
                each.cancel()
                with suppress(asyncio.CancelledError, httpx.HTTPError):
                    await each

    async def until_told(self, *request_ids: str) -> None:
        """Wait until these are completed."""
        await until(lambda: set(request_ids) <= set(self.of("completed")), f"{request_ids} are completed")

    async def until(self, name: str, count: int) -> None:
        """Wait for so many events of a name."""
        await until(lambda: len(self.of(name)) >= count, f"{count} of {name}, not only {len(self.of(name))}")
