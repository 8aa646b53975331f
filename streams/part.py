"""One part of `loa up`: a `loa` command as a child process, started again when it fails."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
import structlog

RESTART_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Part:
    """A `loa` command as a child process, which ends when this process does; `ready` is what it says once it works."""

    def __init__(self, command: Sequence[str], brokers: str, **settings: str) -> None:
        """`settings`: environment variables that it alone has so."""
        self.ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._command = [sys.executable, "-m", "streams.cli", *command, "--end-with-stdin"]
        self._environment = os.environ | {"TTS_KAFKA_BROKERS": brokers, **settings}
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep(self) -> int:
        """Run it until `stop`, again whenever it fails; not if it never worked. Returns the last exit status."""
        status = 0
        while not self._stopping:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the parent, which stops the parts in order
            )
            await self._listen(process)
            status = await process.wait()
            if not self.ready.done():
                break
            if not self._stopping:
                log.warning("a part ended and is started again", command=self._command[3:], status=status)
                await asyncio.sleep(RESTART_SECONDS)
        return status

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("a part has no standard output")
        async for line in process.stdout:
            if not self.ready.done():
                self.ready.set_result(orjson.loads(line))

    def stop(self) -> None:
        """Ask it to finish in order."""
        self._stopping = True
        if self._process is not None and self._process.stdin is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()
