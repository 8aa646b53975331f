"""What a gateway tells at the end of a run, held against the raw log; and what Loa's own readers say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.faults.invariants import Evidence
from tests.kafka.processes import PATIENCE, Loa, until

if TYPE_CHECKING:
    from tests.faults.site import Site

READERS = (
    ("index", "check", "--grace", "0", "--json"),
    ("audit", "--grace", "0", "--json"),
    ("storage", "check", "--index", "--grace", "0", "--json"),
)


def figures(evidence: Evidence) -> dict[str, int]:
    """What the statistics must say, counted in the log."""
    announced = {events[0]["file_id"] for events in evidence.completed.values()}
    return {
        "total_files": len(announced - evidence.deleted.keys()),
        "deleted_files": len(evidence.deleted),
        "queued": 0,
        "in_progress": 0,
        "completed": len(evidence.completed),
        "failed": len(evidence.failed.keys() - evidence.completed.keys()),
        "cancelled": 0,
    }


async def statistics(gateway: Loa, wanted: dict[str, int]) -> dict[str, int]:
    """What a gateway tells of those figures."""
    async with httpx.AsyncClient(base_url=(await gateway.ready())["http"], timeout=PATIENCE) as client:
        answer = (await client.get("/api/tts/storage/stats")).raise_for_status().json()["stats"]
    told: dict[str, int] = answer["jobs"] | answer
    return {name: told[name] for name in wanted}


async def complaints(site: Site, gateway: Loa, evidence: Evidence) -> list[str]:
    """Once all workers have ended: how statistics differ from the log, and what Loa's own readers find."""
    wanted = figures(evidence)
    problems = []

    async def agrees() -> bool:
        told = await statistics(gateway, wanted)
        problems[:] = [f"statistics: {told} instead of {wanted}"] if told != wanted else []
        return not problems

    try:
        await until(agrees, "statistics that are those of the log", PATIENCE / 2)
    except AssertionError:
        assert problems
    for arguments in READERS:
        command = site.run(*arguments, **(site.bucket.server.environment if site.bucket else {}))
        if await command.status() != 0:
            problems.append(f"{arguments[0]}: {command.lines} {command.said[-2000:]}")
    return problems
