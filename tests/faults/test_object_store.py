"""Audio in a bucket: a server that refuses, is slow, and loses its answers; and a move from a directory under load."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from tests.faults.conftest import NewBucket
from tests.faults.load import load, tones
from tests.faults.places import in_a_bucket
from tests.faults.site import PAUSE_SECONDS, Site
from tests.kafka.processes import PATIENCE, Loa, until
from tests.storage.s3_proxy import S3Proxy

PATIENT = {"TTS_RETRY_ATTEMPTS": "50", "TTS_SYNTHESIS_TRIES": "2"}


def refuse(proxy: S3Proxy) -> None:
    proxy.answer = lambda kind, key: 503 if kind == "put" else 500


def drag(proxy: S3Proxy) -> None:
    proxy.delay = 0.5


def lose(proxy: S3Proxy) -> None:
    proxy.lose = 15


def recover(proxy: S3Proxy) -> None:
    proxy.answer, proxy.delay, proxy.lose = (lambda kind, key: None), 0.0, 0


@in_a_bucket
@pytest.mark.parametrize("fault", [refuse, drag, lose])
async def test_a_bucket_with_faults(site: Site, fault: Callable[[S3Proxy], None]) -> None:
    """Requests before, during and after; nothing is lost, and each has one result."""
    assert site.bucket
    site.more, proxy = PATIENT, site.bucket.proxy
    worker = await site.worker()
    async with load(site, per_second=5):
        await site.produce(*tones(5, "before"))
        await until(lambda: proxy.seen["put"] >= 15, "audio in the bucket")
        fault(proxy)
        await site.produce(*tones(10, "during"))
        before = proxy.seen.total()
        await until(lambda: proxy.seen.total() > before + 30 or proxy.lost >= 10, "requests during the fault")
        recover(proxy)
        await site.produce(*tones(5, "after"))
        put = proxy.seen["put"]
        await until(lambda: proxy.seen["put"] > put + 15, "audio again")
    findings = await site.verify()
    assert findings.completed >= 20
    assert worker.popen.returncode == 0, "it sat the fault out"


class Caller:
    """Asks for every file that was announced so far at whichever gateway is there: each answers until it expires."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client: httpx.AsyncClient | None = None
        self._gateway: Loa | None = None

    async def turn_to(self, **settings: str) -> None:
        """Another gateway, which answers before the one that was there is stopped."""
        before, gateway = (self._client, self._gateway), self._site.start_gateway(**settings)
        self._client = httpx.AsyncClient(base_url=(await gateway.ready())["http"], timeout=PATIENCE)
        self._gateway = gateway
        if before[0] and before[1]:
            before[1].send(signal.SIGTERM)
            assert await before[1].status() == 0, before[1].said[-3000:]
            await before[0].aclose()

    async def all(self) -> int:
        """Once for each file; returns how many there are."""
        async with self._site.reader("completed") as reader:
            await reader.to_end()
            told = {event["file_id"]: event.fields for event in reader.events}
        for name, event in told.items():
            assert self._client
            answer = await self._client.get(f"/api/tts/audio/{name}")
            if answer.status_code == 410 and datetime.fromisoformat(event["expires_at"]) <= datetime.now(UTC):
                continue
            assert answer.status_code == 200, f"{name}: {answer.text}"
            assert hashlib.sha256(answer.content).hexdigest() == event["sha256"], name
        return len(told)

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()


@asynccontextmanager
async def caller_of(site: Site) -> AsyncIterator[Caller]:
    """Goes on asking until the block ends."""
    caller = Caller(site)
    await caller.turn_to()

    async def keep_asking() -> None:
        while True:
            await caller.all()
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(keep_asking())
        yield caller
        asking.cancel()
    await caller.close()


async def test_a_move_to_a_bucket_under_load(site: Site, new_bucket: NewBucket) -> None:
    """By the steps of docs/storage.md: every file answers at any time, and nothing is lost or spoken twice."""
    bucket = new_bucket()
    site.more = {"TTS_DATABASE_URL": bucket.database}
    both = bucket.settings | {"TTS_STORAGE_FALLBACK": str(site.storage)}

    async def another_worker(**settings: str) -> None:
        for worker in site.running:
            worker.send(signal.SIGTERM)
            assert await worker.status() == 0
        await site.worker(**settings)

    async with load(site, per_second=3), caller_of(site) as caller:
        await another_worker()
        await site.produce(*tones(5, "before"))
        await until(lambda: len(list(site.storage.glob("metadata/*"))) >= 15, "files in the directory")

        await caller.turn_to(**both)  # step 1
        assert await caller.all() >= 5

        seen = bucket.proxy.seen["put"]
        await another_worker(**both)  # step 2
        await site.produce(*tones(5, "before"), *tones(5, "between"))
        await until(lambda: bucket.proxy.seen["put"] > seen + 30, "files in the bucket")
        assert await caller.all() >= 15

        copy = site.run("storage", "copy", str(site.storage), bucket.address, "--json", **bucket.settings)  # step 3
        assert await copy.status() == 0, f"{copy.lines} {copy.said[-3000:]}"
        await caller.all()

        await caller.turn_to(**bucket.settings)  # step 4
        await another_worker(**bucket.settings)
        await site.produce(*tones(5, "between"), *tones(5, "after"))
        assert await caller.all() >= 20
    site.bucket = bucket
    await site.verify()
