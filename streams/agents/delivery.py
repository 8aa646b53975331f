"""A record on its way through an agent: taken from the stream in order, handled, acknowledged when done."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from streams.headers import ROUTED, attempt, not_before, origin, position, since


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as an agent sees it. `done()` says that its outcome is durable; only then may its offset be committed.

    `headers`: the last value of each name. `time`: when the broker appended it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    time: datetime
    done: Callable[[], None]
    headers: Mapping[str, bytes] = field(default_factory=dict)
    raw_headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def source(self) -> str:
        """`<topic>-<partition>-<offset>` of this record."""
        return position(self.topic, self.partition, self.offset)

    @property
    def origin(self) -> str:
        """The same of the very first record, of which this may be a copy: names a request that has no id of its own."""
        return origin(self.headers, self.source)

    @property
    def attempt(self) -> int:
        """1 for a first try; a retry says its number in a header."""
        return attempt(self.headers)

    @property
    def since(self) -> datetime:
        """When the broker took the very first record, of which this may be a copy."""
        return since(self.headers, self.time)

    @property
    def routed(self) -> bool:
        """Whether it was moved to this pool by another."""
        return ROUTED in self.headers

    @property
    def not_before(self) -> datetime | None:
        """When a retry is due."""
        return not_before(self.headers)


Deliveries = AsyncIterator[Delivery]
