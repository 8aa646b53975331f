"""Faults for `LOA_FAULT`: records that never reach the window, or never leave it, without any chance in it.

They befall what clients wrote to `tts.requests`. A copy (moved, tried again, brought back) gets through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

EVERY = 4


def first_requests_hang() -> None:
    """The first request of each partition is never finished; those after it are."""
    from streams.agents.synthesis import Synthesis

    honest = Synthesis.answer

    async def answer(self: Any, job: Any) -> None:
        if job.first.offset == 0 and _original(job.first.topic, job.first.headers):
            await asyncio.Event().wait()
        await honest(self, job)

    Synthesis.answer = answer  # type: ignore[method-assign]


def records_vanish() -> None:
    """One record in four does not come, but for the first of a partition in an epoch."""
    _vanish(lambda service, place, offset: service.window.started(place) and offset % EVERY == EVERY - 2)


def first_records_vanish() -> None:
    """The first record of each partition does not come, at the start and after each rebalance."""
    _vanish(_first(at_the_start=True))


def records_vanish_at_rebalances() -> None:
    """As above, but only for partitions that this worker had before."""
    _vanish(_first(at_the_start=False))


def first_fetches_vanish() -> None:
    """Where nothing is committed, Faust has fetched the first record too early and thrown it away.

    The record has to be there before the worker.
    """
    from streams.agents.transport import ConsumerThread

    honest = ConsumerThread.seek_to_committed

    async def seek_to_committed(self: Any) -> Any:
        offsets = await honest(self)
        await self.seek_back({pair: 1 for pair, at in offsets.items() if not at and _original(pair.topic, {})})
        return offsets

    ConsumerThread.seek_to_committed = seek_to_committed


def _original(topic: str, headers: Any) -> bool:
    from streams.headers import SOURCE

    return topic.endswith(".requests") and SOURCE not in dict(headers)


def _vanish(chosen: Callable[[Any, Any, int], bool]) -> None:
    """Records are lost between the consumer and the window."""
    from streams.agents.service import Service
    from streams.window import Partition

    honest = Service._take

    async def take(self: Any, message: Any) -> Any:
        headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
        current = message.epoch == self.window.epoch and _original(message.topic, headers)
        if current and chosen(self, Partition(message.topic, message.partition), message.offset):
            self.read_ahead.take(self.consumer, message)
            return None
        return await honest(self, message)

    Service._take = take  # type: ignore[method-assign]


def _first(at_the_start: bool) -> Callable[[Any, Any, int], bool]:
    """Chooses the first record of each partition between two rebalances."""
    from streams.agents.service import Service

    rebalances = 0
    seen: dict[Any, int] = {}
    honest = Service._revoked

    async def revoked(self: Any, *arguments: Any, **more: Any) -> None:
        nonlocal rebalances
        rebalances += 1
        await honest(self, *arguments, **more)

    def chosen(service: Any, place: Any, offset: int) -> bool:
        last = seen.get(place, None if at_the_start else rebalances)
        seen[place] = rebalances
        return last != rebalances

    Service._revoked = revoked  # type: ignore[method-assign]
    return chosen
