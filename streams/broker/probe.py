"""Asks a broker whether it is ready for clients."""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

_REQUEST_SECONDS = 10.0
_NO_SUCH_GROUP = "loa-readiness"
_log = logging.getLogger(__name__)


def answers(bootstrap: str) -> bool:
    """Return whether a broker serves requests, those to its group coordinator included, at HOST:PORT."""
    host, _, port = bootstrap.rpartition(":")
    try:
        # A refused connection is the usual case, and the client would log an error for each.
        socket.create_connection((host, int(port)), timeout=_REQUEST_SECONDS).close()
    except OSError:
        return False
    # A thread of its own, because the caller's may have an event loop, running or not.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(_coordinator_answers(bootstrap))).result()


async def _coordinator_answers(bootstrap: str) -> bool:
    # Imported late: the guardian lives in this package too, and starts without a Kafka client.
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(_REQUEST_SECONDS * 1000))
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            await admin.start()
            # The coordinator loads its topic, which it creates at the first question, a moment after the broker is up.
            await admin.list_consumer_group_offsets(_NO_SUCH_GROUP)
    except (KafkaError, OSError, TimeoutError) as error:
        _log.debug("%s is not ready: %s", bootstrap, error)
        return False
    finally:
        await admin.close()
    return True
