"""Audio in a bucket: a server that refuses, is slow, and loses its answers; and a move from a directory under load."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import pytest

from storage.fallback import FallbackStore
from storage.files import AudioFiles
from storage.local import LocalStore
from storage.opening import open_store
from storage.records import Record
from storage.store import Store
from tests.faults.conftest import NewBucket
from tests.faults.load import load, tones
from tests.faults.places import Bucket, in_a_bucket
from tests.faults.site import Site
from tests.kafka.processes import until
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


async def answers(site: Site, store: Store) -> int:
    """Every file of which an event speaks is there, or its end; returns how many there are."""
    async with site.reader("completed") as reader:
        await reader.to_end()
        told = {str(event["file_id"]) for event in reader.events}
    files = AudioFiles(store)

    def look() -> list[str]:
        found = {name: files.find(name) for name in told}
        live = (each for each in found.values() if isinstance(each, Record))
        broken = [
            each.file_id for each in live if not files.verify(each) and isinstance(files.find(each.file_id), Record)
        ]
        return broken + [name for name, each in found.items() if each is None]

    assert await asyncio.to_thread(look) == []
    return len(told)


async def copied(site: Site, bucket: Bucket) -> None:
    command = site.run("storage", "copy", str(site.storage), bucket.address, "--json", **bucket.server.environment)
    assert await command.status() == 0, f"{command.lines} {command.said[-3000:]}"


async def test_a_move_to_a_bucket_under_load(site: Site, new_bucket: NewBucket) -> None:
    """As docs/storage.md tells: every file answers before, during and after, and nothing is lost or spoken twice."""
    bucket = new_bucket()
    new = open_store(bucket.address)
    both = FallbackStore(new, LocalStore(site.storage))
    async with load(site, per_second=5):
        worker = await site.worker()
        await site.produce(*tones(5, "before"))
        await until(lambda: len(list(site.storage.glob("metadata/*"))) >= 15, "files in the directory")
        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        worker = await site.worker(**bucket.settings, TTS_STORAGE_FALLBACK=str(site.storage))
        seen = bucket.proxy.seen["put"]
        await site.produce(*tones(5, "before"), *tones(5, "between"))
        await until(lambda: bucket.proxy.seen["put"] > seen + 30, "files in the bucket")
        assert await answers(site, both) >= 20
        await copied(site, bucket)
        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        await site.worker(**bucket.settings)
        await site.produce(*tones(5, "between"), *tones(5, "after"))
        assert await answers(site, new) >= 20
    await site.settled()
    await answers(site, new)
    both.close()
    site.bucket = bucket
    await site.verify()
