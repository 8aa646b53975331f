"""What tenants have used, counted from the log: seconds of speech spoken today (UTC), and bytes that are stored now."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from streams.readers.result import Result
from streams.requests import DEFAULT_TENANT

MOST_GONE = 100_000


class Counted(Result):
    """What of a result is counted."""

    tenant: str = DEFAULT_TENANT
    duration_seconds: float
    file_size: int


class Usage:
    """Counts each file once, however often it is told of. What is held of it is its id and its size."""

    def __init__(self, clock: Callable[[], datetime], weighed: Callable[[str], bool]) -> None:
        """`weighed`: whether the bytes of a tenant are wanted: each of its files is held then while it is stored."""
        self._clock = clock
        self._weighed = weighed
        self._day = date.min
        self._today: set[int] = set()
        self._spoken: defaultdict[str, float] = defaultdict(float)
        self._sizes: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._stored: defaultdict[str, int] = defaultdict(int)
        self._gone: OrderedDict[int, None] = OrderedDict()

    def spoken(self, tenant: str) -> float:
        """Seconds of speech of the current day."""
        return self._spoken.get(tenant, 0.0) if self._clock().astimezone(UTC).date() == self._day else 0.0

    def stored(self, tenant: str) -> int:
        """Bytes of the files that were not deleted, as far as the log tells of them."""
        return self._stored.get(tenant, 0)

    def hear(self, short: str, event: Mapping[str, Any]) -> None:
        """An event of `completed` or `deleted`, as it is on the log; what is none is ignored."""
        try:
            if short == "completed":
                self.add(Counted.model_validate(event))
            elif event.get("reason") != "orphaned":
                self._remove(_short(event["file_id"]), str(event.get("tenant", DEFAULT_TENANT)))
        except (ValidationError, KeyError, TypeError, ValueError):
            return

    def add(self, result: Counted) -> None:
        """A file was committed."""
        name, day = _short(result.file_id), result.created_at.date()
        if day > self._day:
            self._day = day
            self._today.clear()
            self._spoken.clear()
        if day == self._day and name not in self._today and not result.cached:
            self._today.add(name)
            self._spoken[result.tenant] += result.duration_seconds
        # What is told of again after it was deleted takes no room.
        if self._weighed(result.tenant) and name not in self._gone:
            sizes = self._sizes[result.tenant]
            self._stored[result.tenant] += result.file_size - sizes.get(name, 0)
            sizes[name] = result.file_size

    def _remove(self, name: int, tenant: str) -> None:
        if not self._weighed(tenant):
            return
        self._stored[tenant] -= self._sizes[tenant].pop(name, 0)
        self._gone[name] = None
        if len(self._gone) > MOST_GONE:
            self._gone.popitem(last=False)


def _short(file_id: Any) -> int:
    """Enough of a file id to tell it from others."""
    return int(file_id[:16], 16)
