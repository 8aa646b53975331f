"""Traces: the way of a request as W3C Trace Context has it, whoever asked for it and whoever records it."""

import re
from collections.abc import Mapping

TRACE_HEADERS = frozenset({"traceparent", "tracestate"})

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.ASCII)


def trace_id(headers: Mapping[str, bytes]) -> str | None:
    """The id of the trace that these headers are part of, 32 hexadecimal digits; None where they are of none."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", b"").decode("ascii", "replace"))
    return found[1] if found and found[1].strip("0") else None
