"""Servers that all test processes of a run share: each is started for the first who asks, and ends with the run.

They belong to the process that ends last: with pytest-xdist the one that hands out the tests, and without it the only
one. The others reach them by a `multiprocessing` manager.
"""

from __future__ import annotations

import functools
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:  # a test process imports what its tests need: unit tests need none of it
    from tests.storage.servers import S3

Made = TypeVar("Made")


@dataclass(frozen=True)
class Broker:
    """A Kafka that runs. `owner`: the process that started it."""

    bootstrap: str
    process_group: int
    data_dir: Path
    owner: int


@dataclass(frozen=True)
class Served:
    """An installation with one worker that speaks, and a gateway at `address`."""

    name: str
    folder: Path
    models: str
    address: str


class Servers:
    """`folder`: of the whole run; each server has one of its own in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, object] = {}
        self._stack = ExitStack()

    def kafka(self, folder: Path) -> Broker:
        """Apache Kafka; each test keeps to topics and groups of its own."""
        return self._once("kafka", folder, self._start_kafka)

    def s3(self, folder: Path) -> S3:
        """An S3 server that honours write-once; each test keeps to a folder of its own."""
        return self._once("s3", folder, self._start_s3)

    def served(self, folder: Path) -> Served:
        """An installation; each test keeps to request ids of its own."""
        broker = self.kafka(folder)
        return self._once("served", folder, lambda made: self._start_served(broker, made))

    def close(self) -> None:
        """End what was started."""
        self._stack.close()

    def _once(self, name: str, folder: Path, start: Callable[[Path], Made]) -> Made:
        with self._lock:
            if name not in self._made:
                made = folder / name
                made.mkdir()
                self._made[name] = start(made)
            return cast("Made", self._made[name])

    def _start_kafka(self, folder: Path) -> Broker:
        from streams.broker import EmbeddedBroker

        broker = self._stack.enter_context(EmbeddedBroker(folder))
        return Broker(broker.bootstrap, broker.process_group, broker.data_dir, os.getpid())

    def _start_s3(self, folder: Path) -> S3:
        from tests.storage.servers import seaweed

        return self._stack.enter_context(seaweed(folder))

    def _start_served(self, broker: Broker, folder: Path) -> Served:
        from tests.kafka.installation import Installation
        from tests.kafka.log import Kafka

        models = "hibari,espeak,tone"
        made = Installation(Kafka(broker.bootstrap), "served", folder, {"TTS_MODELS": models})
        self._stack.callback(made.end)
        worker = made.start_worker()
        worker.wait_ready()
        return Served(made.name, folder, models, made.run("gateway", "--port", "0").wait_ready()["http"])


HERE = Servers()
"""Those that belong to this process."""


class _Door(BaseManager):
    """What the test processes reach `HERE` by."""


_Door.register("servers", callable=lambda: HERE)


@functools.cache
def offered() -> tuple[str, str]:
    """Let other processes have the servers of this one; returns what `reached` takes."""
    key = secrets.token_hex(16)
    server = _Door(None, key.encode()).get_server()
    threading.Thread(target=server.serve_forever, name="servers", daemon=True).start()
    return str(server.address), key


def reached(address: str, key: str) -> Servers:
    """The servers of the process that offered them so."""
    door = _Door(address, key.encode())
    door.connect()
    return cast("Servers", door.servers())  # type: ignore[attr-defined]
