"""A record of any topic as one JSON object."""

import base64
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from storage.records import iso
from streams.headers import ERRORS, OWN
from streams.readers.replay import when
from streams.traces import TRACE_HEADERS

TOLD_HEADERS = TRACE_HEADERS | OWN | {"content-type"}


def line(record: ConsumerRecord) -> dict[str, Any]:
    """Where a record is, its key, the headers that Loa knows, and its value.

    A value that is no JSON is in `value_base64`, and a key that is no UTF-8 in `key_base64`.
    """
    at = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "time": iso(when(record))}
    return at | _key(record.key) | {"headers": told_headers(record)} | value_of(record)


def told_headers(record: ConsumerRecord) -> dict[str, str]:
    """The headers that Loa writes or passes on."""
    return {
        name: (value or b"").decode("utf-8", "replace")
        for name, value in record.headers
        if name in TOLD_HEADERS or name.startswith(("ce_", ERRORS))
    }


def value_of(record: ConsumerRecord) -> dict[str, Any]:
    """The value under `value`, or under `value_base64` where it is no JSON."""
    if record.value is None:
        return {"value": None}
    try:
        return {"value": orjson.loads(record.value)}
    except orjson.JSONDecodeError:
        return {"value_base64": base64.b64encode(record.value).decode()}


def _key(key: bytes | None) -> dict[str, Any]:
    if key is None:
        return {"key": None}
    try:
        return {"key": key.decode()}
    except UnicodeDecodeError:
        return {"key_base64": base64.b64encode(key).decode()}
