"""Blocking calls in threads, for callers that may be cancelled."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *arguments: object) -> T:
    """As `asyncio.to_thread`, but a caller that is cancelled leaves only after the call.

    What the call works with may be closed then.
    """
    calling = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        await asyncio.wait({calling})
        if not calling.cancelled():
            calling.exception()
        raise
