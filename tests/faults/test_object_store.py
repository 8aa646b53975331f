"""Audio in a bucket: a server that refuses, is slow, and loses its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.opening import open_store
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
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.get(key))
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
