"""Work that callers do not leave half done when they are cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """As `await work`, but a caller that is cancelled leaves only when it is done, and then does so for certain."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        if not doing.cancelled():
            doing.exception()
        raise


async def in_thread(call: Callable[..., T], *arguments: object) -> T:
    """As `asyncio.to_thread`, and `whole`: what the call works with may be closed once its caller has left."""
    return await whole(asyncio.to_thread(call, *arguments))
