"""`loa gateway`: the application on a port, from its first answer to an orderly end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from streams.gateway.app import serve
from streams.gateway.auth import Doorkeeper, check_door
from streams.gateway.keys import Keys
from streams.gateway.library import Library
from streams.gateway.load import Load
from streams.gateway.parts import Parts
from streams.gateway.speech import Speaking
from streams.gateway.waits import Waits
from streams.index import open_index
from streams.kafka import EventWriter
from streams.parts import check_links, open_files, open_registry
from streams.quotas import Quotas
from streams.readers.index import Projection
from streams.settings import Settings, SettingsError
from streams.topics import Topics

GRACE_SECONDS = 20
BACKLOG = 2048


class Gateway:
    """Serves HTTP until stopped; `ready` is called with its address. Raises SettingsError for an open door."""

    def __init__(self, settings: Settings, host: str, port: int, ready: Callable[[dict[str, Any]], None]) -> None:
        """`port`: 0 for a free one."""
        check_door(settings, host)
        self._settings = settings
        self._host, self._port = host, port
        self._ready = ready
        self._keys = Keys(settings.api_keys_file) if settings.api_keys_file else None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Answer what is being answered, then leave."""
        self._stopping.set()

    async def run(self) -> int:
        """Returns the exit status. Raises KafkaConnectionError, TopicsError, StoreError, SettingsError."""
        async with AsyncExitStack() as stack:
            parts, tasks = await self._parts(stack)
            listening = listen(self._host, self._port)
            stack.callback(listening.close)
            server = server_of(serve(parts))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            stopping = asyncio.create_task(self._stopping.wait())
            address = f"http://{_shown(self._host)}:{listening.getsockname()[1]}"
            self._ready({"ready": True, "http": address})
            await asyncio.wait({serving, stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            parts.feed.close()
            server.should_exit = True
            stopping.cancel()
            await serving
            for task in tasks:  # a gateway that hears nothing any more must not look healthy
                if task.done():
                    task.result()
        return 0

    async def _parts(self, stack: AsyncExitStack) -> "tuple[Parts, list[asyncio.Task[None]]]":
        """The parts, and what has to run for as long as they are used."""
        settings, topics = self._settings, Topics(self._settings)
        files = await asyncio.to_thread(open_files, settings)
        stack.callback(files.store.close)
        await asyncio.to_thread(check_links, settings, files)
        writer = EventWriter(settings, topics)
        stack.push_async_callback(writer.stop)
        await writer.start()
        index = await asyncio.to_thread(open_index, settings)
        stack.callback(index.close)
        waits, library, load = Waits(settings, topics), Library(files), Load(settings, index)
        waits.heard += [load.heard, lambda _, event: library.forget(str(event.get("file_id")))]
        waits.missed.append(library.forget_all)
        following = await stack.enter_async_context(waits.following())
        projecting = await stack.enter_async_context(running(Projection(settings, index).run()))
        quotas = Quotas(settings)
        tasks = [following, projecting]
        if quotas.on:
            tasks.append(await stack.enter_async_context(running(quotas.follow(settings, topics))))
        parts = Parts(
            settings=settings,
            writer=writer,
            waits=waits,
            library=library,
            speaking=Speaking(settings, writer, waits, library, load, quotas=quotas),
            registry=await asyncio.to_thread(open_registry, settings),
            door=Doorkeeper(settings, self._keys),
            index=index,
            load=load,
            quotas=quotas,
        )
        return parts, tasks


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> "AsyncIterator[asyncio.Task[None]]":
    """Work that runs within the block, and has ended after it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def server_of(app: ASGIApp) -> uvicorn.Server:
    """What serves an application over HTTP, in this process."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="off",
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Signals are the command's, which stops all in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes calls from now on; `port`: 0 for a free one. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)  # from now on a caller gets in
    except OSError as error:
        made.close()
        raise SettingsError(f"--host {host} --port {port}: {error.strerror}; give another") from error
    return made


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
