"""Clean-up under wrong clocks, twice at once, and beside readers: nothing goes early, and everything goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from streams.parts import open_files
from streams.settings import load as load_settings
from tests.faults import injected
from tests.faults.engines import NAME
from tests.faults.load import SOON_HOURS, load, tones
from tests.faults.settings import rounds
from tests.faults.site import Site
from tests.faults.waits import more_outcomes
from tests.kafka.installation import PARTITIONS
from tests.kafka.processes import until

TWO_DAYS = 48 * 3600
SHARDS = "0123456789abcdef"
FAR_FUTURE = "2999-01-01T00:00:00Z"


async def ask_for_clean_up(site: Site) -> None:
    """Every shard, now and in the future, to be swept by whoever has any of the partitions."""
    commands = [orjson.dumps({"cutoff": FAR_FUTURE, "shard": shard}) for shard in SHARDS for _ in range(PARTITIONS)]
    await site.write("cleanup", [(None, command, []) for command in commands])


async def test_clocks_two_days_ahead_and_behind(site: Site) -> None:
    """A sound worker comes last: one whose clock is behind cleans up nothing."""
    site.more = {"TTS_MODELS": f"tone,{NAME}", "TTS_RETRY_ATTEMPTS": "2", "TTS_WINDOW_MAX_AGE_SECONDS": "24"}
    failing = [{"request_id": f"failing-{k}", "model": "faulty", "text": "These will fail."} for k in range(6)]
    workers = [
        await site.worker(**{injected.VARIABLE: "clock", injected.CLOCK: str(shift)}) for shift in (TWO_DAYS, -TWO_DAYS)
    ]
    await site.worker()
    async with load(site), site.reader("completed", "failed") as reader:
        await site.produce(*failing)
        await more_outcomes(reader, rounds(40, 2000))
        await ask_for_clean_up(site)
        await more_outcomes(reader, 20)
    await site.settled()
    assert all(worker.running for worker in workers)
    await site.stop()
    await site.worker()
    findings = await site.verify(2)
    assert findings.completed


async def test_two_clean_ups_at_once(site: Site) -> None:
    times = rounds(3, 50)
    async with load(site), site.reader("completed", "failed") as reader, site.kept(2):
        for number in range(times):
            await site.produce(*tones(10, f"passing-{number}", expiry_hours=SOON_HOURS))
            await ask_for_clean_up(site)
            await more_outcomes(reader, 15)
            await ask_for_clean_up(site)
    findings = await site.verify(2 * times)
    assert findings.deleted >= 10 * times


async def test_a_download_during_clean_up(site: Site) -> None:
    """What has begun is read to its end, through the store and by path, while the file is deleted."""
    await site.worker()
    text = "A long text that takes a while to download. " * 40
    (request,) = tones(1, "wanted", expiry_hours=2 * SOON_HOURS, text=text)
    async with site.reader("completed", "failed") as reader:
        await site.produce(request)
        ((done,),) = (await reader.answered(request["request_id"])).values()
    files = open_files(load_settings(site.settings))
    path = Path(done["file_path"])
    record = await asyncio.to_thread(files.find, done["file_id"])
    assert record is not None
    with files.open(record) as through_store, path.open("rb") as by_path:  # noqa: ASYNC230
        begun = [through_store.read(1000), by_path.read(1000)]
        await until(lambda: not path.exists(), "the end of the file")
        rest = [through_store.read(), by_path.read()]
    files.store.close()
    for first, others in zip(begun, rest, strict=True):
        assert len(first) + len(others) == done["file_size"]
    await site.verify()
