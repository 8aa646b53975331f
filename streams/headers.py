"""Headers by which copies of a request (moved, tried again, put back) say whose copies they are."""

import re
from collections.abc import Iterable, Mapping

SOURCE = "loa-source"
"""`<topic>-<partition>-<offset>` of the very first record: names a request that has no id of its own."""

ATTEMPT = "loa-attempt"
"""The number of the coming attempt; 1 for a first."""

NOT_BEFORE = "loa-not-before"
"""The time, ISO 8601, before which a retry waits."""

ERRORS = "__streams.errors."
"""What headers of the dead-letter topic begin with (KIP-1034)."""

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,220}-\d{1,10}-\d{1,19}")


def position(topic: str, partition: int, offset: int) -> str:
    """How a record's place in the log is written."""
    return f"{topic}-{partition}-{offset}"


def origin(headers: Mapping[str, bytes], place: str) -> str:
    """Place of the very first record of a request: what the headers say, or else this record's own place."""
    said = headers.get(SOURCE, b"").decode("ascii", "replace")
    return said if _SOURCE.fullmatch(said) else place


def attempt(headers: Mapping[str, bytes]) -> int:
    """The number of this attempt; 1 where the headers say none."""
    text = headers.get(ATTEMPT, b"")
    return int(text) if text.isdigit() and len(text) < 6 else 1


def again(headers: Iterable[tuple[str, bytes]], source: str, number: int) -> list[tuple[str, bytes]]:
    """Headers of a copy that is to be tried at once: the record's own, with another attempt, without an old error."""
    kept = [(name, value) for name, value in headers if not name.startswith(ERRORS)]
    ours = {SOURCE, ATTEMPT, NOT_BEFORE}
    return [
        *((name, value) for name, value in kept if name not in ours),
        (SOURCE, source.encode()),
        (ATTEMPT, str(number).encode()),
    ]
