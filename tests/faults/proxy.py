"""A TCP proxy before the broker: it delays, holds back, cuts off and refuses, as a network does."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Proxy:
    """Forwards connections to the broker's second door. What it does to them can be changed at any time.

    `delay`: seconds that every chunk is late, either way. `bound`: broker's answers are held back while this is
    cleared, and so are new requests while `open` is.
    """

    def __init__(self, host: str, port: int, target: int) -> None:
        self.delay = 0.0
        self.answers = asyncio.Event()
        self.answers.set()
        self.accepting = True
        self.seen = 0
        self.swallowed = 0
        self._address, self._target = (host, port), (host, target)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def bootstrap(self) -> str:
        return f"{self._address[0]}:{self._address[1]}"

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.vanish()

    async def vanish(self) -> None:
        """The broker cannot be reached: connections are reset, new ones refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.reset()

    async def come_back(self) -> None:
        await self._listen()

    async def reset(self) -> None:
        """Cut all connections, with whatever was under way in them."""
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, *self._address)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        self.seen += 1
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass  # the fault that was asked for
        finally:
            self._connections.discard(task)
            _abort(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection(*self._target)
        ways = [
            asyncio.create_task(self._forward(reader, broker_writer, answers=False)),
            asyncio.create_task(self._forward(broker_reader, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            _abort(broker_writer)

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            if answers and not self.answers.is_set():
                self.swallowed += len(data)
                await self.answers.wait()
            target.write(data)
            await target.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(RuntimeError):
        writer.transport.abort()
