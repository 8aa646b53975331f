"""Two processes with one name: how they notice, and leave."""

import time
from collections import deque
from collections.abc import Callable

JOINS, SECONDS = 4, 30.0


class Twins:
    """Watches for another process with this worker's name.

    The broker lets a member come back under its name without a rebalance. So two that share one put each other out,
    each time into the same generation, without end, and every record is worked on twice. Any other way into the group
    makes a new generation; a commit that meets a rebalance may lead back into the old one, but not again and again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._joins: deque[tuple[int, float]] = deque(maxlen=JOINS)

    def joined(self, generation: int) -> bool:
        """Note that the group was joined; whether the last joins, in so short a time, were all into one generation."""
        self._joins.append((generation, self._clock()))
        oldest, since = self._joins[0]
        same = all(other == oldest for other, _ in self._joins)
        return len(self._joins) == JOINS and same and self._clock() - since < SECONDS
