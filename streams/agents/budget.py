"""What a worker may have in hand: a bound in seconds of speech and in requests."""

import asyncio
from collections import deque


class Budget:
    """Admits work while there is room; who comes first is admitted first. One item always fits, however large."""

    def __init__(self, seconds: float, requests: int) -> None:
        self.seconds = 0.0
        self.requests = 0
        self._limits = (seconds, requests)
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    def fits(self, seconds: float) -> bool:
        """Whether so much would be admitted at once."""
        return not self._waiting and self._fits(seconds)

    def _fits(self, seconds: float) -> bool:
        most_seconds, most_requests = self._limits
        return self.requests == 0 or (self.seconds + seconds <= most_seconds and self.requests < most_requests)

    async def take(self, seconds: float) -> None:
        """Wait until there is room for so many seconds of speech."""
        if self.fits(seconds):
            self._add(seconds)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        item = (seconds, future)
        self._waiting.append(item)
        try:
            await future
        except asyncio.CancelledError:
            if item in self._waiting:
                self._waiting.remove(item)
            elif not future.cancelled():
                self.give(seconds)
            raise

    def give(self, seconds: float) -> None:
        """Say that it is finished."""
        self.seconds -= seconds
        self.requests -= 1
        while self._waiting and self._fits(self._waiting[0][0]):
            waited, future = self._waiting.popleft()
            if not future.done():
                self._add(waited)
                future.set_result(None)

    def _add(self, seconds: float) -> None:
        self.seconds += seconds
        self.requests += 1
