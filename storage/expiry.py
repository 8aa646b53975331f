"""Expiry markers: the names from which clean-up learns what is due, without looking at any file that is not.

    expiry/<slice>/<shard>/<time>-<file_id>

slice: ten minutes, named by its start in UTC; shard: the file id's first digit; time: the expiry in UTC, rounded up to
the second, so that a marker is never due before its file. Names sort by time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.store import Store

SHARDS = "0123456789abcdef"

LOOK = timedelta(days=1)
"""How often clean-up looks at a file that is pinned beyond its expiry."""

_SLICE = timedelta(minutes=10)
_SLICE_NAME = "%Y%m%dT%H%M"
_TIME_NAME = "%Y%m%dT%H%M%SZ"
_KEY = re.compile(r"expiry/\d{8}T\d{4}/[0-9a-f]/(\d{8}T\d{6}Z)-([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Marker:
    """One file is to be looked at, at one time (UTC, whole seconds)."""

    time: datetime
    file_id: str

    @classmethod
    def at(cls, expires_at: datetime, file_id: str) -> "Marker":
        """The marker of a file that expires then."""
        whole = expires_at.astimezone(UTC).replace(microsecond=0)
        return cls(whole if whole == expires_at else whole + timedelta(seconds=1), file_id)

    @property
    def key(self) -> str:
        """Where it is stored."""
        return f"{folder(self.time, self.file_id[0])}{self.time.strftime(_TIME_NAME)}-{self.file_id}"


def slice_of(time: datetime) -> str:
    """The name of the ten minutes that hold a time."""
    utc = time.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % 10).strftime(_SLICE_NAME)


def next_look(expires_at: datetime, now: datetime) -> datetime:
    """The expiry while it is to come, then the same time of the day, each day.

    Made of the expiry alone, so that several markers of one file come together in one.
    """
    return expires_at if now < expires_at else expires_at + ((now - expires_at) // LOOK + 1) * LOOK


def folder(time: datetime, shard: str) -> str:
    """The folder of the markers of one shard in the ten minutes that hold a time."""
    return f"expiry/{slice_of(time)}/{shard}/"


def parse_key(key: str) -> Marker | None:
    """The marker of that name; None if it is not one."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        time = datetime.strptime(match[1], _TIME_NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Marker(time, match[2])


def due(store: Store, cutoff: datetime, shard: str) -> Iterator[Marker]:
    """Markers of one shard with a time up to the cutoff, the earliest first.

    Lists the slices that have begun by the cutoff and nothing else: its cost follows what is due.
    """
    last = slice_of(cutoff)
    for name in store.folders("expiry/"):
        if name > last:
            return
        for key in store.names(f"expiry/{name}/{shard}/"):
            marker = parse_key(key)
            if marker is not None and marker.time <= cutoff:
                yield marker
