"""Records as a consumer gives them, in order of time, one second apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from storage.records import file_id

BEGAN_MS = 1_700_000_000_000
_seconds = itertools.count()


def record(
    topic: str,
    value: Any,
    offset: int = 0,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
    seconds: float | None = None,
) -> ConsumerRecord:
    """`value`: bytes and None as they are, else as JSON. `seconds`: after the beginning; default: the next one."""
    data = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
    after = next(_seconds) if seconds is None else seconds
    stamp = BEGAN_MS + int(after * 1000)
    return ConsumerRecord(topic, 0, offset, stamp, 1, key, data, None, 0, 0, tuple(headers))


def about(request_id: str, tenant: str = "default") -> dict[str, Any]:
    return {"request_id": request_id, "tenant": tenant, "file_id": file_id(tenant, request_id)}
