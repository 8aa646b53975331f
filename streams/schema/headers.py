"""Schemas of the records' headers, whose values are text in UTF-8."""

from typing import Any

from streams import headers
from streams.errors import ErrorCode
from streams.events import SOURCE

Schema = dict[str, Any]
INSTANT = {"type": "string", "format": "date-time"}
NUMBER = {"type": "string", "pattern": r"^\d+$"}
PLACE = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,220}-\d{1,10}-\d{1,19}$"}

_TRACE = {"type": "string", "description": "W3C Trace Context: of the request, or of the span that sent this"}
TRACE: Schema = {"traceparent": _TRACE, "tracestate": _TRACE}
CLOUDEVENTS: Schema = {
    "ce_specversion": {"type": "string", "const": "1.0", "description": "version of CloudEvents"},
    "ce_id": {"type": "string", "minLength": 1, "description": "the same each time an event is repeated"},
    "ce_source": {"type": "string", "const": SOURCE, "description": "the same for all workers"},
    "ce_type": {"type": "string", "description": "`loa.` and the topic's name"},
    "ce_time": INSTANT | {"description": "when it was written, ISO 8601 in UTC"},
    "content-type": {"type": "string", "const": "application/json", "description": "of the value"},
}
COPIES: Schema = {
    headers.SOURCE: PLACE | {"description": "place of the very first record: names a request that has no id"},
    headers.ATTEMPT: NUMBER | {"description": "number of the coming attempt; absent: 1"},
    headers.SINCE: INSTANT | {"description": "when the broker took the very first record"},
    headers.ROUTED: {"type": "string", "const": "1", "description": "moved once already, to the pool of its model"},
    headers.NOT_BEFORE: INSTANT | {"description": "when the coming attempt is due"},
}
ERRORS: Schema = {
    headers.ERRORS + "exception": {
        "type": "string",
        "enum": [code.value for code in ErrorCode],
        "description": "the code, as in `tts.failed`",
    },
    headers.ERRORS + "message": {"type": "string", "description": "the message, as in `tts.failed`"},
    headers.ERRORS + "stacktrace": {"type": "string", "description": "empty"},
    headers.ERRORS + "topic": {"type": "string", "description": "the topic on which the record was"},
    headers.ERRORS + "partition": NUMBER | {"description": "its partition there"},
    headers.ERRORS + "offset": NUMBER | {"description": "its offset there"},
}

SCHEMAS: dict[str, Schema] = {
    "EventHeaders": {
        "type": "object",
        "description": "CloudEvents 1.0 in binary mode.",
        "required": list(CLOUDEVENTS),
        "properties": CLOUDEVENTS | TRACE,
    },
    "RequestHeaders": {
        "type": "object",
        "description": "A request needs none. Those of `loa-` are on copies that Loa makes; all others stay on copies.",
        "properties": TRACE | COPIES,
    },
    "RetryHeaders": {
        "type": "object",
        "description": "The request's own headers, and whose copy it is.",
        "required": [name for name in COPIES if name != headers.ROUTED],
        "properties": TRACE | COPIES,
    },
    "DeadLetterHeaders": {
        "type": "object",
        "description": "The record's own headers, and those of KIP-1034.",
        "required": list(ERRORS),
        "properties": ERRORS | TRACE | COPIES,
    },
}
"""By their names in the AsyncAPI document."""

OF_REQUESTS = {
    "SynthesisRequested": "RequestHeaders",
    "RetriedRequest": "RetryHeaders",
    "DeadLetter": "DeadLetterHeaders",
}
"""Which of them a message has that is no event of Loa's: by the message's name."""


def event_headers(topic: str) -> Schema:
    """Headers of the event on a topic, of which its type is known."""
    kind = {"properties": {"ce_type": {"const": f"loa.{topic}"}}}
    return {"type": "object", "allOf": [{"$ref": "#/components/schemas/EventHeaders"}, kind]}
