"""Processes of Loa, as their metrics tell."""

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import declared

PATIENCE_SECONDS = 5.0
MEMORY = "process_resident_memory_bytes"

SHOWN = {
    "engines": declared.PROCESSES.name,
    "engines_wanted": declared.PROCESSES_WANTED.name,
    "pieces": declared.PIECES.name,
    "restarts": declared.RESTARTS.name,
    "in_hand": declared.IN_HAND_REQUESTS.name,
    "in_hand_seconds": declared.IN_HAND_SECONDS.name,
    "window_age_seconds": declared.WINDOW_AGE.name,
    "memory_bytes": MEMORY,
}
"""By the names of the row: the sum of these."""


async def processes(addresses: Iterable[str]) -> list[dict[str, Any]]:
    """A row for each address, such as 127.0.0.1:9101; of one that does not answer, why in `error`."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        return list(await asyncio.gather(*(_process(session, address) for address in addresses)))


async def _process(session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    base = address if "://" in address else f"http://{address}"
    try:
        async with session.get(f"{base.rstrip('/').removesuffix('/metrics')}/metrics") as answer:
            answer.raise_for_status()
            return {"address": address} | row(await answer.text())
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:  # an address that is none is a ValueError too
        return {"address": address, "error": str(error) or "no answer"}


def row(text: str) -> dict[str, Any]:
    """What is shown of a process's metrics. Raises ValueError for what are none."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    parts = [sample.labels["part"] for sample in samples if sample.name == declared.BUILD.name]
    if not parts:
        raise ValueError("what answers there is not of Loa")
    sums = {name: [s.value for s in samples if s.name == metric] for name, metric in SHOWN.items()}
    return {"part": parts[0]} | {name: round(sum(values), 3) for name, values in sums.items() if values}
