"""Headers by which copies of a request (moved, tried again, put back) say whose copies they are."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from storage.records import iso

SOURCE = "loa-source"
"""`<topic>-<partition>-<offset>` of the very first record: names a request that has no id of its own."""

ATTEMPT = "loa-attempt"
"""The number of the coming attempt; 1 for a first."""

NOT_BEFORE = "loa-not-before"
"""The time, ISO 8601, before which a retry waits."""

SINCE = "loa-since"
"""The time, ISO 8601, at which the broker took the very first record."""

ROUTED = "loa-routed"
"""On a request that was moved to the pool that speaks its model: it is not moved there again."""

ERRORS = "__streams.errors."
"""What headers of the dead-letter topic begin with (KIP-1034)."""

OWN = frozenset({SOURCE, ATTEMPT, NOT_BEFORE, SINCE, ROUTED})

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


def since(headers: Mapping[str, bytes], time: datetime) -> datetime:
    """When the broker took the very first record of a request: what the headers say, or else this record's own time."""
    try:
        said = datetime.fromisoformat(headers.get(SINCE, b"").decode("ascii", "replace"))
    except ValueError:
        return time
    return said if said.tzinfo else time


def not_before(headers: Mapping[str, bytes]) -> datetime | None:
    """When a retry is due; None where the headers do not say."""
    try:
        said = datetime.fromisoformat(headers.get(NOT_BEFORE, b"").decode("ascii", "replace"))
    except ValueError:
        return None
    return said if said.tzinfo else None


def again(
    headers: Iterable[tuple[str, bytes]],
    source: str,
    number: int,
    since: datetime | None = None,
    not_before: datetime | None = None,
    *,
    routed: bool = False,
) -> list[tuple[str, bytes]]:
    """Headers of a copy: the record's own, with the number of the coming attempt, without an old error."""
    ours = {SOURCE: source, ATTEMPT: str(number)}
    if since:
        ours[SINCE] = iso(since)
    if routed:
        ours[ROUTED] = "1"
    if not_before:
        ours[NOT_BEFORE] = iso(not_before)
    kept = [(name, value) for name, value in headers if name not in OWN and not name.startswith(ERRORS)]
    return [*kept, *((name, text.encode()) for name, text in ours.items())]
