"""`loa gateway`: the application on a port, from its first answer to an orderly end."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from streams.gateway.app import serve
from streams.gateway.auth import Doorkeeper, check_door
from streams.gateway.keys import Keys
from streams.gateway.library import Library
from streams.gateway.parts import Parts
from streams.gateway.speech import Speaking
from streams.gateway.waits import Waits
from streams.kafka import EventWriter
from streams.parts import open_files, open_registry
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
            parts, following = await self._parts(stack)
            listening = listen(self._host, self._port)
            stack.callback(listening.close)
            server = server_of(serve(parts))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            stopping = asyncio.create_task(self._stopping.wait())
            address = f"http://{_shown(self._host)}:{listening.getsockname()[1]}"
            self._ready({"ready": True, "http": address})
            await asyncio.wait({serving, stopping, following}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            stopping.cancel()
            await serving
            if following.done():  # a gateway that hears nothing any more must not look healthy
                following.result()
        return 0

    async def _parts(self, stack: AsyncExitStack) -> "tuple[Parts, asyncio.Task[None]]":
        settings, topics = self._settings, Topics(self._settings)
        files = await asyncio.to_thread(open_files, settings)
        stack.callback(files.store.close)
        writer = EventWriter(settings, topics)
        stack.push_async_callback(writer.stop)
        await writer.start()
        waits, library = Waits(settings, topics), Library(files)
        waits.heard.append(lambda _, event: library.forget(str(event.get("file_id"))))
        waits.missed.append(library.forget_all)
        following = await stack.enter_async_context(waits.following())
        parts = Parts(
            settings=settings,
            writer=writer,
            waits=waits,
            library=library,
            speaking=Speaking(settings, writer, waits, library),
            registry=await asyncio.to_thread(open_registry, settings),
            door=Doorkeeper(settings, self._keys),
        )
        return parts, following


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
