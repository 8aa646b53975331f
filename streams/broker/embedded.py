"""The embedded broker: started, waited for, stopped in order, and never left behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.broker.artifacts import Runtime, runtime
from streams.broker.errors import BrokerError
from streams.broker.learned import learn, prepared
from streams.broker.locks import data_in_use, owner
from streams.broker.node import HOST, PROPERTIES, Detour, format_storage, is_free, java, prepare
from streams.broker.probe import answers
from streams.broker.process import GuardedProcess
from streams.broker.progress import Progress, quiet

START_SECONDS = 120.0

_POLL_SECONDS = 0.05
_LAUNCHES = 3


class EmbeddedBroker:
    """Apache Kafka, one node, on the loopback address; its data in `data_dir` survives restarts.

    A synchronous context manager: an event loop calls `start` and `stop` through ``asyncio.to_thread``. Without `port`
    the last run's is taken where it is free, and any free one otherwise. One broker at a time uses a data directory.
    Tests give a `detour`, by which their proxy leads.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, progress: Progress = quiet, detour: Detour | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._wanted_port = port
        self._progress = progress
        self._detour = detour
        self._port: int | None = None
        self._process: GuardedProcess | None = None
        self._runtime: Runtime | None = None  # of a run that may teach something
        self._owned = ExitStack()

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients, known once the broker was started."""
        if self._port is None:
            raise BrokerError("The embedded broker has not been started.")
        return f"{HOST}:{self._port}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is there."""
        return self._process is not None and self._process.status is None

    @property
    def process_group(self) -> int:
        """The process group of Java and its guardian, for tests that freeze it."""
        if self._process is None:
            raise BrokerError("The embedded broker is not running.")
        return self._process.group

    def start(self, launched: Callable[[str], None] = lambda _: None) -> Self:
        """Start the broker and return once it answers, its group coordinator included.

        `launched` is called with HOST:PORT seconds before that, when Java has just begun, for who has other things to
        start meanwhile.

        Raises BrokerUnavailable when there is no Kafka to run, and BrokerError when it does not start: the message
        then holds the end of the broker's log.
        """
        if self.running:
            raise BrokerError("The embedded broker is running already.")
        self.stop()
        try:
            java_runtime = runtime(self._progress)
            self._owned.enter_context(owner(self.data_dir))
            self._port = self._launched(prepared(java_runtime), launched)
            self._runtime = java_runtime
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the broker in order; does nothing when it is not running."""
        if self._process:
            self._process.stop()
            if self._runtime:
                learn(self._runtime, self.data_dir)
        self._process = self._runtime = None
        self._owned.close()

    def kill(self) -> None:
        """End the broker as a power cut would, for tests; `start` brings it back on its port."""
        if self._process:
            self._process.kill()
        self._runtime = None  # it taught nothing
        self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launched(self, java_runtime: Runtime, launched: Callable[[str], None]) -> int:
        """Launch Java until it answers, and return its port.

        A free port can be taken by somebody else before Java binds it; that is worth another try with other ports.
        """
        for launch in range(_LAUNCHES):
            with data_in_use(self.data_dir) as lock_fd:
                node = prepare(self.data_dir, self._wanted_port, self._detour)
                self._empty("tmp")
                format_storage(self.data_dir, node, java_runtime, lock_fd)
                self._progress("Starting Apache Kafka", 0)
                command = [*java(java_runtime), "kafka.Kafka", PROPERTIES]
                log = self.data_dir / "broker.log"
                self._process = GuardedProcess(command, cwd=self.data_dir, log=log, lock_fd=lock_fd)
            launched(f"{HOST}:{node.port}")
            if self._ready(self._process, node.port):
                break
            if launch == _LAUNCHES - 1 or (is_free(node.port) and is_free(node.controller_port)):
                raise BrokerError(f"Kafka ended with status {self._process.status}:\n{self._process.log_tail}")
        return node.port

    def _ready(self, process: GuardedProcess, port: int) -> bool:
        """Wait until the broker answers; return False when its process ended instead."""
        give_up = time.monotonic() + START_SECONDS
        while process.status is None:
            if answers(f"{HOST}:{port}"):
                return True
            if time.monotonic() > give_up:
                raise BrokerError(f"Kafka did not answer within {START_SECONDS:.0f} s:\n{process.log_tail}")
            time.sleep(_POLL_SECONDS)
        return False

    def _empty(self, name: str) -> None:
        shutil.rmtree(self.data_dir / name, ignore_errors=True)
        (self.data_dir / name).mkdir()
