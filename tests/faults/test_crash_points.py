"""A worker that dies between any two effects: whoever comes next ends what it has begun."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import pytest

from tests.faults.conftest import NewSite
from tests.faults.crashes import crash_points
from tests.faults.engines import FOLDER, NAME
from tests.faults.load import BAD, SOON_HOURS
from tests.faults.places import in_both_places
from tests.faults.site import Site
from tests.kafka.log import Kafka

SETTINGS = {"TTS_MODELS": f"tone,{NAME}", "TTS_RETRY_ATTEMPTS": "2", "TTS_SYNTHESIS_TRIES": "1"}
SETTINGS |= {"TTS_RESUME_SECONDS": "1", "TTS_REUSE_MINUTES": "60"}

LINES = 3
"""Sites at once: while one waits for its workers to start or for a file to expire, another one dies."""


def batch(name: str) -> list[dict[str, object] | bytes]:
    """A request for every way that leads past a point: no other batch has spoken the same."""
    tone = {"model": "tone", "text": f"A request on its way to an outcome, {name}."}
    return [
        BAD[0],
        tone | {"request_id": f"{name}-soon", "expiry_hours": SOON_HOURS},
        tone | {"request_id": f"{name}-lasting"},
        tone | {"request_id": f"{name}-bulk", "priority": "bulk"},
        tone | {"request_id": f"{name}-failing", "model": "faulty", "text": "This will fail always."},
        tone | {"request_id": f"{name}-flac", "format": "flac", "text": f"Another one, {name}. " * 10},
        tone | {"request_id": f"{name}-long", "text": f"The first of two paragraphs.\n\nThe second one, {name}."},
        tone | {"request_id": f"{name}-lasting"},
        tone | {"request_id": f"{name}-same"},
    ]


async def crash(site: Site, point: str) -> None:
    worker = site.start_worker(LOA_CRASH_AT=point)
    await site.produce(*batch(point))
    assert await worker.status() == -signal.SIGKILL, f"it did not come to {point}: {worker.said[-3000:]}"


async def one_after_the_other(site: Site, points: Sequence[str]) -> None:
    """Who ends what one worker has begun dies in its turn; the last one lives."""
    await site.begin()
    for point in points:
        await crash(site, point)
    site.start_worker()
    await site.verify(len(points))


@in_both_places
async def test_a_crash_at_every_point(sites: NewSite, kafka: Kafka) -> None:
    points = crash_points()
    lines = [(sites(kafka, str(first), **SETTINGS), points[first::LINES]) for first in range(LINES)]
    await asyncio.gather(*(one_after_the_other(site, few) for site, few in lines))


@pytest.mark.long
@in_both_places
@pytest.mark.parametrize("point", crash_points())
async def test_a_crash_at(site: Site, point: str) -> None:
    site.more = SETTINGS
    await crash(site, point)
    site.start_worker()
    await site.verify()


@pytest.mark.parametrize("point", ["failed.decided", "failed.told"])
async def test_a_failure_stands_though_its_fault_has_passed(site: Site, point: str) -> None:
    """The engine fails once, in the last try; whoever takes the record up again would succeed."""
    site.more = SETTINGS | {"TTS_RETRY_ATTEMPTS": "1", FOLDER: str(site.folder)}
    worker = site.start_worker(LOA_CRASH_AT=point)
    await site.produce({"request_id": "r", "model": "faulty", "text": "This will fail once."})
    assert await worker.status() == -signal.SIGKILL
    site.start_worker()
    findings = await site.verify()
    assert (findings.completed, findings.failed) == (0, 1)
