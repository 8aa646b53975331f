"""How much each tenant may have spoken in a day and keep stored: nobody's quota is a counter that a restart forgets."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka import ConsumerRecord

from storage.records import Record, iso
from streams.errors import ErrorCode, RequestError
from streams.readers.tail import event_of, follow
from streams.readers.usage import Counted, Usage
from streams.settings import Settings
from streams.topics import Topics

EVERY_OTHER = "*"

_MIB = 1 << 20
_EARLIER = timedelta(minutes=10)
"""By how much the clocks of workers and brokers may differ."""


class QuotaExceededError(RequestError):
    """A quota is used up. `retry_after`: seconds until there is a new one; None where files have to go first."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(ErrorCode.QUOTA_EXCEEDED, message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tenant may use, and has used: seconds of speech today, and bytes that are stored. Infinite: no limit."""

    tenant: str
    speech_limit: float
    speech_used: float
    stored_limit: float
    stored_used: int
    resets_at: datetime
    """When the next day begins."""


class Quotas:
    """The quotas that the settings name, held against what the log tells of results and deletions.

    A worker counts besides what it has in hand. Of what others have in hand it knows nothing: all together may go
    beyond a quota by that.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.read = asyncio.Event()
        self._speech = settings.quota_speech_seconds
        self._stored = {tenant: most * _MIB for tenant, most in settings.quota_stored_mb.items()}
        self._clock = clock
        self._usage = Usage(clock, lambda tenant: math.isfinite(_limit(self._stored, tenant)))
        self._in_hand: defaultdict[str, float] = defaultdict(float)
        if not self.on:
            self.read.set()

    @property
    def on(self) -> bool:
        """Whether there are any."""
        return bool(self._speech or self._stored)

    def of(self, tenant: str) -> Quota:
        """How it stands for one tenant; nothing is counted of what has no limit."""
        day = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Quota(
            tenant=tenant,
            speech_limit=_limit(self._speech, tenant),
            speech_used=self._usage.spoken(tenant),
            stored_limit=_limit(self._stored, tenant),
            stored_used=self._usage.stored(tenant),
            resets_at=day + timedelta(days=1),
        )

    def check_stored(self, tenant: str) -> None:
        """Raises QuotaExceededError for a tenant that may store nothing more."""
        quota = self.of(tenant)
        if quota.stored_used >= quota.stored_limit:
            raise QuotaExceededError(
                f"tenant: {tenant!r} has {quota.stored_used / _MIB:.1f} of {quota.stored_limit / _MIB:g} MiB stored; "
                "delete files, or wait until some expire"
            )

    def check(self, tenant: str, seconds: float = 0.0) -> None:
        """Raises QuotaExceededError for one that may store nothing more, or have no such speech spoken today."""
        self.check_stored(tenant)
        quota, in_hand = self.of(tenant), self._in_hand.get(tenant, 0.0)
        used = quota.speech_used + in_hand
        if used + seconds > quota.speech_limit or used >= quota.speech_limit:
            left = math.ceil((quota.resets_at - self._clock()).total_seconds())
            raise QuotaExceededError(
                f"tenant: {tenant!r} has had {quota.speech_used:.1f} of {quota.speech_limit:g} seconds spoken today, "
                f"with {in_hand:.1f} in hand; this text takes about {seconds:.1f}; a new day begins at "
                f"{iso(quota.resets_at)}",
                max(1, left),
            )

    @contextmanager
    def spending(self, tenant: str, seconds: float) -> Iterator[None]:
        """So many seconds are being spoken. Raises QuotaExceededError as `check` does."""
        self.check(tenant, seconds)
        self._in_hand[tenant] += seconds
        try:
            yield
        finally:
            self._in_hand[tenant] -= seconds
            if self._in_hand[tenant] < 1e-6:
                del self._in_hand[tenant]

    def used(self, record: Record) -> None:
        """A file was committed here; when the log tells of it, it is known already."""
        if self.on:
            self._usage.add(Counted.of(record))

    async def follow(self, settings: Settings, topics: Topics) -> None:
        """Count what the log tells, for as long as the caller lives; `read` is set when what was before is counted.

        Results come first: what is deleted was made before. Those of today are enough where bytes have no limit.
        """
        results, deletions = topics["completed"].name, topics["deleted"].name
        since = None if self._stored else self.of("").resets_at - timedelta(days=1) - _EARLIER
        made = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(settings, [results], self._hear("completed"), made, since))
            await made.wait()
            if self._stored:
                group.create_task(follow(settings, [deletions], self._hear("deleted"), self.read))
            else:
                self.read.set()

    def _hear(self, short: str) -> Callable[[ConsumerRecord], None]:
        return lambda record: self._usage.hear(short, event_of(record) or {})


def _limit(limits: Mapping[str, float], tenant: str) -> float:
    return limits.get(tenant, limits.get(EVERY_OTHER, math.inf))
