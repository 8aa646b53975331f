"""What a worker may have in hand: a bound in seconds of speech and in requests, and a part of it for each tenant."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

LONG = 1 / 8
"""Part of the bound from which on a text counts as long."""


@dataclass(frozen=True, slots=True)
class Place:
    """Room that was taken, to be given back."""

    tenant: str
    seconds: float


@dataclass(slots=True)
class _Held:
    requests: int = 0
    seconds: float = 0.0


class Budget:
    """Admits work while there is room; of one tenant, who comes first is admitted first.

    `share`: part of the bound that a tenant may fill while it is alone. Each may hold `share / (1 - share)` times what
    is left free, so that several that want more leave room for the next (Choudhury and Hahne, Dynamic queue length
    thresholds, 1998). A long text counts as `share` of what is free at most: it does not lock others out, and only a
    few fit at once. Where nothing is in hand anything fits.
    """

    def __init__(self, seconds: float, requests: int, share: float = 1.0) -> None:
        self._most = _Held(requests, seconds)
        self._share = share
        self._all = _Held()
        self._held: defaultdict[str, _Held] = defaultdict(_Held)
        self._waiting: list[tuple[str, float, asyncio.Future[Place]]] = []

    @property
    def requests(self) -> int:
        """How many are in hand."""
        return self._all.requests

    @property
    def seconds(self) -> float:
        """Their speech, estimated; a long text counts as the room it was given."""
        return self._all.seconds

    def fits(self, tenant: str, seconds: float = 0.0) -> bool:
        """Whether so many seconds of speech, or any at all, would be admitted at once."""
        return self._fits(tenant, seconds) and all(waiting != tenant for waiting, _, _ in self._waiting)

    async def take(self, tenant: str, seconds: float) -> Place:
        """Wait until there is room."""
        if self.fits(tenant, seconds):
            return self._add(tenant, seconds)
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        item = (tenant, seconds, future)
        self._waiting.append(item)
        try:
            return await future
        except asyncio.CancelledError:
            if item in self._waiting:
                self._waiting.remove(item)
            elif not future.cancelled():
                self.give(future.result())
            raise

    def give(self, place: Place) -> None:
        """Say that it is finished, and admit who waits and fits now."""
        held = self._held[place.tenant]
        for account in (held, self._all):
            account.requests -= 1
            account.seconds = account.seconds - place.seconds if account.requests else 0.0  # not almost nothing
        if not held.requests:
            del self._held[place.tenant]
        waiting, self._waiting = self._waiting, []
        for tenant, seconds, future in waiting:
            if future.done():
                continue
            if self.fits(tenant, seconds):
                future.set_result(self._add(tenant, seconds))
            else:
                self._waiting.append((tenant, seconds, future))

    def _fits(self, tenant: str, seconds: float) -> bool:
        held, share = self._held.get(tenant, _Held()), self._share
        part_of_requests = share * (self._most.requests - self._all.requests)
        part_of_seconds = share * (self._most.seconds - self._all.seconds)
        return self._all.requests == 0 or (
            held.requests * (1 - share) < part_of_requests
            and held.seconds * (1 - share) < part_of_seconds
            and min(seconds, LONG * self._most.seconds) <= part_of_seconds
        )

    def _add(self, tenant: str, seconds: float) -> Place:
        free = self._most.seconds - self._all.seconds
        place = Place(tenant, max(0.0, min(seconds, self._share * free)))
        for account in (self._held[tenant], self._all):
            account.requests += 1
            account.seconds += place.seconds
        return place
