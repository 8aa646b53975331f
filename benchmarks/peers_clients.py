"""Clients of the peers without Kafka: of Celery on Redis, and of speech over HTTP."""

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from typing import Self

import aiohttp
from celery import Celery
from clients import Requests
from redis.asyncio import Redis

DONE = b"celery-task-meta-"
"""What Celery calls a result in Redis, before the id, and the channel on which it is told."""

REFUSED = (429, 503)

KEPT_SECONDS = 2
"""An idle connection is kept no longer: uvicorn closes one after 5 s, and a call that meets that moment breaks."""


class CeleryClient(Requests):
    """Sends tasks through Celery, and is told of results as Celery's own are: by Redis, without asking again."""

    def __init__(self, redis: str) -> None:
        super().__init__()
        self._celery = Celery(broker=redis)
        self._redis = Redis.from_url(redis)

    async def __aenter__(self) -> Self:
        self._told = self._redis.pubsub()
        await self._told.psubscribe(DONE + b"*")
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._told.aclose()
        await self._redis.aclose()
        self._celery.close()

    async def _read(self) -> None:
        async for message in self._told.listen():
            if message["type"] == "pmessage":
                event = json.loads(message["data"])
                self.note(event["task_id"], event, failed=event["status"] != "SUCCESS")

    async def send(self, request_id: str, text: str) -> Awaitable[object]:
        return await self._task(request_id, [request_id, text], {})

    async def send_bytes(self, request_id: str, value: bytes) -> Awaitable[object]:
        """Send what need not be a request: an object's fields by their names, anything else as the one argument."""
        try:
            said = json.loads(value)
        except ValueError:
            said = value.decode(errors="replace")
        return await self._task(request_id, *(([], said) if isinstance(said, dict) else ([said], {})))

    async def _task(self, request_id: str, args: list[object], kwargs: dict[str, object]) -> Awaitable[object]:
        self._celery.send_task("synthesize", args, kwargs, task_id=request_id)
        return _taken()


class HttpClient(Requests):
    """Posts requests, each over a connection that is kept; a call that breaks has no outcome, and is not made again."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._calls: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS)
        options = {"connector": connector, "timeout": aiohttp.ClientTimeout(None)}
        self._session = aiohttp.ClientSession(headers={"Content-Type": "application/json"}, **options)
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._session.close()

    async def send(self, request_id: str, text: str) -> Awaitable[object]:
        return await self.send_bytes(request_id, json.dumps({"request_id": request_id, "text": text}).encode())

    async def send_bytes(self, request_id: str, value: bytes) -> Awaitable[object]:
        """Post what need not be a request."""
        call = asyncio.create_task(self._call(request_id, value))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return _taken()

    async def _call(self, request_id: str, value: bytes) -> None:
        with suppress(aiohttp.ClientError):
            headers = {"X-Request-ID": request_id}
            async with self._session.post(self._address, data=value, headers=headers) as answer:
                await answer.read()
                if answer.status != 202:  # it goes on, and whoever asks again is told
                    event = {"status": answer.status, "refused": answer.status in REFUSED}
                    self.note(request_id, event, failed=answer.status != 200)


def _taken() -> asyncio.Future[None]:
    """What has been sent, where no word is given of that."""
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
