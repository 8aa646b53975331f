"""Who is cancelled while a client of Kafka closes is cancelled: aiokafka alone would go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from streams.kafka import admin_client
from streams.readers.tail import tail
from streams.settings import Settings, load
from streams.topics import Topics
from tests.kafka.installation import Installation

SECONDS = 60.0

Opens = Callable[[Settings], AbstractAsyncContextManager[Any]]


def a_tail(settings: Settings) -> AbstractAsyncContextManager[Any]:
    return tail(settings, [Topics(settings)["requests"].name])


@pytest.mark.parametrize("opened", [admin_client, a_tail])
async def test_a_cancellation_is_not_lost(loa: Installation, opened: Opens) -> None:
    await loa.create_topics()
    used = asyncio.Event()

    async def again_and_again() -> None:
        while True:
            async with opened(load(loa.settings)):
                used.set()  # who waits for it comes next, when this one is about to close

    task = asyncio.create_task(again_and_again())
    async with asyncio.timeout(SECONDS):
        await used.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=SECONDS)
    lost = not task.done()
    task.cancel()
    assert not lost
