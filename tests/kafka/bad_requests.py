"""Sixty records that are no valid requests, each with the code it must end in and what its message must name."""

from __future__ import annotations

import json
from dataclasses import dataclass

INVALID = "invalid_request"


@dataclass(frozen=True)
class Bad:
    """`says`: what the message has to contain: the field, the value, what is allowed."""

    value: bytes | None
    code: str
    says: tuple[str, ...]


def _fields(code: str, says: tuple[str, ...], **fields: object) -> Bad:
    return Bad(json.dumps({"text": "A good text."} | fields).encode(), code, says)


def _wrong(name: str, value: object, *says: str) -> Bad:
    return _fields(INVALID, (f"{name}: ", *says), **{name: value})


NOT_JSON = [
    Bad(value, INVALID, ("not JSON",))
    for value in (
        b"{",
        b"text=Hello",
        b'{"text": "Hello"} and more',
        b'{"text": "Hello", }',
        b"{'text': 'Hello'}",
        b'{"text": "\xff\xfe"}',
        b"\xff\xfe{\x00",
        b'{"text": "cut of',
        b'{"text": "raw \x00 byte"}',
        b'{"text": "Hello", "speed": NaN}',
        b'{"text": "Hello", "speed": Infinity}',
        b'{"text": "\\ud800"}',
        b"\x00\x00\x00\x00\x01schema registry",
    )
]
NO_OBJECT = [
    Bad(value, INVALID, ("no object", kind))
    for value, kind in [(b'"Hello"', "str"), (b"[]", "list"), (b"42", "int"), (b"true", "bool"), (b"null", "NoneType")]
]
NOTHING = [Bad(None, INVALID, ("empty", "text")), Bad(None, INVALID, ("empty",)), Bad(b"", INVALID, ("empty",))]
TEXT = [
    Bad(b"{}", INVALID, ("text", "missing")),
    Bad(b'{"Text": "Hello"}', INVALID, ("text", "missing")),
    Bad(b'{"text": null}', INVALID, ("text", "None")),
    _wrong("text", "", "at least 1", "''"),
    _wrong("text", "  \n\t ", "no letter or number"),
    _wrong("text", "...!?", "no letter or number"),
    _wrong("text", "[05]", "no letter or number"),
    _wrong("text", "—«»—", "no letter or number"),
    _wrong("text", 5, "string", "got 5"),
    _wrong("text", ["Hello"], "string", "['Hello']"),
    _wrong("text", {"en": "Hello"}, "string"),
    _wrong("text", True, "string", "True"),
    _wrong("text", "Hello\0there", "NUL"),
    _fields("text_too_long", ("text", "900000", "100000"), text="word " * 180_000),
    _fields("text_too_long", ("text", "100001", "100000"), text="ă" * 100_001),
]
FIELDS = [
    _wrong("request_id", "../../etc/passwd", "../../etc/passwd", "pattern"),
    _wrong("request_id", "a/b", "a/b"),
    _wrong("request_id", "", "''"),
    _wrong("request_id", "x" * 129, "xxx"),
    _wrong("request_id", 7, "string", "got 7"),
    _wrong("tenant", "a tenant", "a tenant", "pattern"),
    _wrong("tenant", "..", "'..'", "pattern"),
    _wrong("speed", 0, "0.25", "got 0"),
    _wrong("speed", 40, "4", "got 40"),
    _wrong("speed", "fast", "number", "'fast'"),
    _wrong("seed", -1, "0", "got -1"),
    _wrong("sample_rate", 7, "8000", "got 7"),
    _wrong("sample_rate", 44100.5, "integer", "44100.5"),
    _wrong("store", "yes", "boolean", "'yes'"),
    _wrong("expiry_hours", -1, "greater than 0", "got -1"),
    _wrong("expiry_hours", 0, "greater than 0", "got 0"),
    _wrong("expiry_hours", 1e9, "1e+09", "87600"),
    _wrong("language", "English, please", "English, please", "pattern"),
    _wrong("priority", "urgent", "interactive", "bulk", "'urgent'"),
    _wrong("deadline", "tomorrow", "'tomorrow'"),
    _wrong("metadata", [1, 2], "dict", "[1, 2]"),
]
CHOICES = [
    _fields("unknown_model", ("gpt-voice", "tone"), model="gpt-voice"),
    _fields("unknown_voice", ("nobody", "sine"), model="tone", voice="nobody"),
    _fields("unsupported_format", ("format", "midi", "wav"), format="midi"),
]
BAD = [*NOT_JSON, *NO_OBJECT, *NOTHING, *TEXT, *FIELDS, *CHOICES]
