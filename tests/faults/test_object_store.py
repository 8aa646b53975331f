"""Audio in a bucket: a server that refuses, is slow, and loses its answers; and a move from a directory under load."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.errors import NotFound
from storage.fallback import FallbackStore
from storage.files import AudioFiles
from storage.local import LocalStore
from storage.opening import open_store
from storage.records import Record
from storage.store import Store
from tests.faults.conftest import NewSite
from tests.faults.invariants import TOPICS, Evidence
from tests.faults.load import load, tones
from tests.faults.site import Site
from tests.kafka.log import Kafka
from tests.kafka.processes import until
from tests.storage.s3_proxy import S3Proxy
from tests.storage.servers import S3

PATIENT = {"TTS_RETRY_ATTEMPTS": "50", "TTS_SYNTHESIS_TRIES": "2"}


@dataclass
class Bucket:
    """A folder of a bucket, as its users and as a test see it."""

    address: str
    server: S3
    proxy: S3Proxy

    @property
    def settings(self) -> dict[str, str]:
        by_proxy = {"AWS_ENDPOINT_URL": self.proxy.endpoint}
        return {"TTS_STORAGE_DIR": self.address, **self.server.environment, **by_proxy}

    def mirror(self, folder: Path) -> None:
        """Lay out what is in the bucket as a directory store has it."""
        store = open_store(self.address)
        for key in store.names():
            path = folder / key
            with suppress(NotFound):  # it was cleaned up just now
                data = store.get(key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        store.close()


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    with S3Proxy(s3.endpoint) as proxy:
        yield Bucket(s3.new_folder(), s3, proxy)


def seen_in(site: Site, bucket: Bucket, tmp_path: Path) -> None:
    """Let the site's checks look at the bucket instead of its directory."""
    number = 0

    async def evidence() -> Evidence:
        nonlocal number
        number += 1
        folder = tmp_path / f"mirror-{number}"
        folder.mkdir()
        async with site.reader(*TOPICS) as reader:
            await reader.to_end()
            events = reader.events
        await asyncio.to_thread(bucket.mirror, folder)
        return Evidence(folder, events)

    site.evidence = evidence  # type: ignore[method-assign]


def refuse(proxy: S3Proxy) -> None:
    proxy.answer = lambda kind, key: 503 if kind == "put" else 500


def drag(proxy: S3Proxy) -> None:
    proxy.delay = 0.5


def lose(proxy: S3Proxy) -> None:
    proxy.lose = 15


def recover(proxy: S3Proxy) -> None:
    proxy.answer, proxy.delay, proxy.lose = (lambda kind, key: None), 0.0, 0


@pytest.mark.parametrize("fault", [refuse, drag, lose])
async def test_a_bucket_with_faults(
    sites: NewSite, kafka: Kafka, bucket: Bucket, tmp_path: Path, fault: Callable[[S3Proxy], None]
) -> None:
    """Requests before, during and after; nothing is lost, and each has one result."""
    site = sites(kafka, **PATIENT, **bucket.settings)
    await site.create_topics()
    seen_in(site, bucket, tmp_path)
    proxy = bucket.proxy
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


async def test_a_move_to_a_bucket_under_load(sites: NewSite, kafka: Kafka, bucket: Bucket, tmp_path: Path) -> None:
    """As docs/storage.md tells: every file answers before, during and after, and nothing is lost or spoken twice."""
    site = sites(kafka)
    await site.create_topics()
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
    seen_in(site, bucket, tmp_path)
    await site.verify()
