"""`loa` commands as real processes: started with nothing of our own environment, watched, ended."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import psutil

from tests.kafka.zygote import ROOT, Child, Zygote

PATIENCE = 120.0
"""Seconds that a test waits for what should come within a few: a limit, never a pace."""

POLL_SECONDS = 0.05


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Return once the condition, a plain or an async function, holds; fails after a generous time."""
    give_up = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < give_up, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(POLL_SECONDS)


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a process id that was given to another one does not count."""
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended in between
        return False


COMMAND = (sys.executable, "-m", "streams.cli")


class Loa:
    """A `loa` command in a session of its own; standard output and error go to files under `folder`.

    It runs there, or in `cwd`. With a zygote it is forked from that, and neither `command` nor `cwd` counts.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        folder: Path,
        zygote: Zygote | None = None,
        command: Sequence[str] = COMMAND,
        cwd: Path | None = None,
    ) -> None:
        self.arguments = arguments
        self._out, self._err = folder / "out", folder / "err"
        folder.mkdir(parents=True, exist_ok=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TTS_")} | dict(settings)
        if zygote:
            environment = {"PYTHONPATH": str(ROOT)} | ours
            self.popen: Child | subprocess.Popen[bytes] = zygote.start(
                arguments, environment, folder, self._out, self._err
            )
            return
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                [*command, *arguments],
                cwd=cwd or folder,
                env=ours,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C reaches this command and its children, and nobody else
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has printed so far, whole lines only."""
        return [orjson.loads(line) for line in self._out.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"]

    @property
    def printed(self) -> str:
        """What it has written to standard output."""
        return self._out.read_text(errors="replace")

    @property
    def said(self) -> str:
        """What it has written to standard error."""
        return self._err.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_ready(self) -> dict[str, Any]:
        """Its ready line; fails with what it said when it ends instead."""
        give_up = time.monotonic() + PATIENCE
        while not self.lines:
            assert self.running, f"{self.arguments} ended with {self.popen.returncode}: {self.said[-3000:]}"
            assert time.monotonic() < give_up, f"{self.arguments} is not ready: {self.said[-3000:]}"
            time.sleep(POLL_SECONDS)
        return self.lines[0]

    async def ready(self) -> dict[str, Any]:
        """As `wait_ready`, and the test's own clients go on meanwhile."""
        return await asyncio.to_thread(self.wait_ready)

    async def status(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; returns the exit status."""
        try:
            return await asyncio.to_thread(self.popen.wait, seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.arguments} still runs after {seconds:g} s: {self.said[-3000:]}") from None

    def children(self) -> list[psutil.Process]:
        """The processes it started, and those that they started."""
        return psutil.Process(self.popen.pid).children(recursive=True)

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def ctrl_c(self) -> None:
        """What a terminal does: SIGINT to the whole process group."""
        os.killpg(self.popen.pid, signal.SIGINT)

    def kill(self) -> None:
        """As a power cut would, for this process alone; what it started has to end by itself."""
        self.popen.kill()
        self.popen.wait()

    def end(self) -> None:
        """Kill it if it still runs; the lifelines of its children end those."""
        if self.running:
            self.kill()
