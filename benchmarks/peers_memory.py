"""Part e: memory of a system's own processes, what they share counted once (PSS)."""

import asyncio
from contextlib import suppress

import psutil
from clients import Requests
from peers_load import WARM_UP, new_requests, turns
from peers_sheet import Sheet
from peers_systems import SYSTEMS, Place, System, working
from texts import GAPS, texts

CLIENTS = 32
EACH, QUICK_EACH = 3, 1
WORDS, QUICK_WORDS = 2_000, 200
LOOK_SECONDS = 0.1


async def memory(place: Place, sheet: Sheet, rounds: int, *, quick: bool) -> None:
    """e: peaks with 32 clients, each with its next text once its last is answered, and with one very long sentence."""
    words = [word for gap in GAPS.values() for word in gap if word.isalpha()]
    many = QUICK_WORDS if quick else WORDS
    endless = " ".join(words[n % len(words)] for n in range(many))
    for _, new in turns(SYSTEMS, rounds):
        system = new(place)
        async with working(system, texts(WARM_UP)) as client:
            async with Peak(system) as idle:
                await asyncio.sleep(1)
            async with Peak(system) as busy, asyncio.TaskGroup() as group:
                for n in range(CLIENTS):
                    group.create_task(_one_by_one(client, texts(QUICK_EACH if quick else EACH, seed=n)))
            async with Peak(system) as long:
                await _one_by_one(client, [endless])
        sheet.add("e", "memory, idle", system.title, idle.mib, "MiB", compared=True)
        sheet.add("e", f"peak memory, {CLIENTS} clients", system.title, busy.mib, "MiB", compared=True)
        sheet.add("e", f"peak memory, {many:,} words without a stop", system.title, long.mib, "MiB", compared=True)


async def _one_by_one(client: Requests, spoken: list[str]) -> None:
    for request_id, text in new_requests(spoken).items():
        await client.send(request_id, text)
        await client.finished([request_id])


class Peak:
    """The most that was seen within the block, ten times a second."""

    def __init__(self, system: System) -> None:
        self.mib = 0.0
        self._roots = [psutil.Process(pid) for pid in system.pids()]

    async def __aenter__(self) -> "Peak":
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking

    async def _look(self) -> None:
        while True:
            self.mib = max(self.mib, await asyncio.to_thread(self._now))
            await asyncio.sleep(LOOK_SECONDS)

    def _now(self) -> float:
        total = 0
        for root in self._roots:
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    total += process.memory_full_info().pss
        return total / 2**20
