"""Faults inside a worker, and protections turned off, by name: `LOA_FAULT=fsync_fails,clock`. Tests alone use this.

A fault that comes and goes holds while the file `LOA_FAULT_WHILE` is there.
"""

from __future__ import annotations

import asyncio
import datetime as standard
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults import skipped

VARIABLE, WHILE, ERRNO, CLOCK = "LOA_FAULT", "LOA_FAULT_WHILE", "LOA_FAULT_ERRNO", "LOA_FAULT_CLOCK"


def apply(names: str) -> None:
    """Do what the names say, before the command begins."""
    for name in filter(None, names.split(",")):
        FAULTS[name]()


def _active() -> bool:
    return Path(os.environ[WHILE]).exists()


def fsync_fails() -> None:
    """Nothing reaches the disk: `LOA_FAULT_ERRNO` says why."""
    honest, number = os.fsync, int(os.environ[ERRNO])

    def fsync(descriptor: Any) -> None:
        if _active():
            raise OSError(number, os.strerror(number))
        honest(descriptor)

    os.fsync = fsync


def clock() -> None:
    """This process's clock is wrong by `LOA_FAULT_CLOCK` seconds."""
    seconds, honest = float(os.environ[CLOCK]), time.time

    class Shifted(standard.datetime):
        @classmethod
        def now(cls, tz: standard.tzinfo | None = None) -> standard.datetime:
            return standard.datetime.fromtimestamp(honest() + seconds, tz)

    time.time = lambda: honest() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith(("streams", "storage")) and getattr(module, "datetime", None) is standard.datetime:
            module.datetime = Shifted  # type: ignore[attr-defined]


def loop_blocked() -> None:
    """The event loop stands still from the first request on, as in a deadlock: nothing but a thread can notice."""
    from streams.agents.synthesis import Synthesis

    async def answer(self: Any, job: Any) -> None:
        time.sleep(3600)  # noqa: ASYNC251

    Synthesis.answer = answer  # type: ignore[method-assign]


def request_stuck() -> None:
    """A request is never finished, and nobody is told."""
    from streams.agents.synthesis import Synthesis

    async def answer(self: Any, job: Any) -> None:
        await asyncio.Event().wait()

    Synthesis.answer = answer  # type: ignore[method-assign]


def deaf_to_rebalances() -> None:
    """The group wants to be joined anew, and this member does not come."""
    from streams.agents.service import Service

    async def revoked(self: Any, _: Any, revoked: set[Any], **__: Any) -> None:
        if revoked:
            await asyncio.Event().wait()

    Service._revoked = revoked  # type: ignore[method-assign]


def without_window() -> None:
    """Records are acknowledged as they finish, in any order."""
    from streams.window import Progress, Window

    def done(self: Any, entry: Any) -> None:
        progress = Progress(entry.offset + 1)
        self._finished[entry.partition] = max(self._finished.get(entry.partition, progress), progress)

    Window.done = done  # type: ignore[method-assign]


def without_hole_check() -> None:
    """Records that were skipped are not missed, and the next commit goes past them."""
    from streams.window import Window

    honest = Window.track

    def track(self: Any, partition: Any, offset: int, epoch: int) -> Any:
        if epoch == self.epoch:
            self._newest[partition] = max(self._newest[partition], offset - 1)
        return honest(self, partition, offset, epoch)

    Window.track = track  # type: ignore[method-assign]


def without_first_record_check() -> None:
    """Wherever an epoch begins in a partition, nothing is missed before it."""
    from streams.window import Window

    def start(self: Any, partition: Any, offset: int, committed: int | None, log_start: int) -> int:
        self._newest[partition] = offset - 1
        return 0

    Window.start = start  # type: ignore[method-assign]


def without_epochs() -> None:
    """What was read before a rebalance counts after it, and is committed."""
    from streams.window import Window

    Window.reset = lambda self: None  # type: ignore[method-assign]


def without_seeking() -> None:
    """Where nothing is committed yet, what Faust has thrown away is not read again."""
    from streams.agents.transport import Consumer

    del Consumer.seek_to_committed


def without_write_once() -> None:
    """Who writes last wins."""
    from storage.local import LocalStore

    def put_new(self: Any, key: str, source: Any) -> bool:
        self.put(key, source)
        return True

    def put_in_order(self: Any, *puts: tuple[str, Any]) -> Iterator[bool]:
        return (put_new(self, key, source) for key, source in puts)

    LocalStore.put_new = put_new  # type: ignore[method-assign]
    LocalStore.put_in_order = put_in_order  # type: ignore[method-assign]
    LocalStore.probe = lambda self: None  # type: ignore[method-assign]


def without_dedupe() -> None:
    """A request does not join its twin in hand."""
    from streams.agents.intake import Intake

    class Forgetful(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return default

    honest = Intake.__init__

    def begin(self: Any, *arguments: Any, **more: Any) -> None:
        honest(self, *arguments, **more)
        self._in_hand = Forgetful()

    Intake.__init__ = begin  # type: ignore[method-assign]


def without_lookup() -> None:
    """What is in the store already is spoken again, and its name taken by force: a result is not looked for."""
    from streams.agents.making import Maker

    async def find(self: Any, job: Any) -> None:
        return None

    Maker.find = find  # type: ignore[method-assign]


def without_watchdog() -> None:
    """Nobody asks whether the worker still works."""
    from streams.agents.service import Service

    Service.trouble = lambda self, oldest: None  # type: ignore[method-assign]


def without_tombstone() -> None:
    """A deleted file is forgotten at once."""
    from storage.cleanup import CleanUp
    from storage.files import metadata_key
    from storage.records import Tombstone

    def bury(self: Any, record: Any, raw: bytes, reason: Any) -> Any:
        now = self._files.clock()
        self._store.delete(metadata_key(record.file_id))
        self._remove(record.file_id)
        return Tombstone.of(record, now, reason, now)

    CleanUp._bury = bury  # type: ignore[method-assign]


def without_patience() -> None:
    """Files are deleted two hours before their expiry."""
    from storage.cleanup import CleanUp

    early, honest = standard.timedelta(hours=2), CleanUp.due

    def due(self: Any, cutoff: standard.datetime, shard: str) -> Any:
        self._files.clock = lambda: standard.datetime.now(standard.UTC) + early
        return honest(self, cutoff + early, shard)

    CleanUp.due = due  # type: ignore[method-assign]


def without_waiting_for_the_broker() -> None:
    """An outcome counts as written once it was handed to the producer."""
    from streams.kafka import EventWriter, _seen

    async def emit(self: Any, event: Any, passed_on: Any = None) -> None:
        (await self._enqueue(self._record(event, passed_on))).add_done_callback(_seen)

    EventWriter.emit = emit  # type: ignore[method-assign]


def without_verifying() -> None:
    """A record found in the store is announced without a look at its audio."""
    from storage.files import AudioFiles

    AudioFiles.adopt = lambda self, record: True  # type: ignore[method-assign]


def without_kept_failures() -> None:
    """That a request failed for good is told, and not decided beforehand."""
    from streams.agents.making import Maker

    async def give_up(self: Any, job: Any, error: Any) -> None:
        return None

    Maker.give_up = give_up  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    name: made
    for name, made in {**globals(), **vars(skipped)}.items()
    if callable(made)
    and not name.startswith("_")
    and getattr(made, "__module__", None) in {__name__, skipped.__name__}
    and name != "apply"
}
