"""Whose piece is spoken next: lanes and tenants share the engines by seconds of work, not by who asked first.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) on two levels. Each lane, and in it each tenant, has a virtual
time that moves on by what was spoken for it, divided by its weight; the one that is furthest behind is next. Who was
idle starts at the time of the others: nobody saves up a claim, and nobody's flood delays another by more than what is
being spoken.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_MOST_REMEMBERED = 1024


class Lane(Enum):
    """A class of work; its value is its share while both wait."""

    INTERACTIVE = 0.9
    BULK = 0.1


@dataclass(frozen=True, slots=True)
class Claim:
    """On whose behalf a piece is spoken, and at what cost in seconds of work. `begun`: called when its turn comes."""

    tenant: str = "default"
    lane: Lane = Lane.INTERACTIVE
    cost: float = 1.0
    begun: Callable[[], object] = lambda: None


ANYBODY = Claim()


class _Times(Generic[K]):
    """Virtual times of several flows."""

    def __init__(self, weight: Callable[[K], float]) -> None:
        self._weight = weight
        self._now = 0.0
        self._starts: dict[K, float] = {}

    def began(self, key: K) -> None:
        """A flow has work again: it takes its place beside the others, ahead of nobody for having been idle."""
        self._starts[key] = max(self._starts.get(key, 0.0), self._now)

    def start(self, key: K) -> float:
        """When its next piece would begin."""
        return self._starts[key]

    def spent(self, key: K, cost: float) -> None:
        """A piece of the flow is spoken."""
        self._now = self._starts[key]
        self._starts[key] += cost / self._weight(key)
        if len(self._starts) > _MOST_REMEMBERED:
            self._starts = {other: start for other, start in self._starts.items() if start > self._now}


class FairQueue(Generic[T]):
    """What waits for an engine."""

    def __init__(self) -> None:
        self._lanes: _Times[Lane] = _Times(lambda lane: lane.value)
        self._tenants: dict[Lane, _Times[str]] = {lane: _Times(lambda _: 1.0) for lane in Lane}
        self._waiting: dict[Lane, dict[str, deque[tuple[T, Claim]]]] = {lane: {} for lane in Lane}

    def push(self, item: T, claim: Claim) -> None:
        """Wait in turn; a tenant's own items keep their order."""
        tenants = self._waiting[claim.lane]
        if not tenants:
            self._lanes.began(claim.lane)
        if claim.tenant not in tenants:
            tenants[claim.tenant] = deque()
            self._tenants[claim.lane].began(claim.tenant)
        tenants[claim.tenant].append((item, claim))

    def pop(self) -> T:
        """Whoever is next. Raises IndexError when nobody waits."""
        if not self:
            raise IndexError("nobody waits")
        lane = min((lane for lane in Lane if self._waiting[lane]), key=self._lanes.start)
        tenants, times = self._waiting[lane], self._tenants[lane]
        tenant = min(tenants, key=times.start)
        item, claim = tenants[tenant].popleft()
        times.spent(tenant, claim.cost)
        self._lanes.spent(lane, claim.cost)
        if not tenants[tenant]:
            del tenants[tenant]
        return item

    def __bool__(self) -> bool:
        """Whether somebody waits."""
        return any(self._waiting.values())

    def __iter__(self) -> Iterator[T]:
        """All that wait, in no order."""
        return (item for tenants in self._waiting.values() for queue in tenants.values() for item, _ in queue)
