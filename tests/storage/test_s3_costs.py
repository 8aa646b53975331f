"""How many requests of an object store Loa makes, as docs/storage.md tells: they are billed by number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.expiry import SHARDS
from storage.files import AudioFiles
from storage.records import Record
from tests.storage.conftest import OpenStore
from tests.storage.s3_proxy import S3Proxy
from tests.unit.storage.storage_fakes import World

DOCUMENT = Path(__file__).parents[2] / "docs/storage.md"
KINDS = ("put", "get", "head", "list", "delete")


def told(deed: str) -> dict[str, int]:
    """The row of the document's table: how many requests of each kind a deed makes."""
    row = re.search(rf"^\| {re.escape(deed)} \|(.*)\|$", DOCUMENT.read_text(), re.MULTILINE)
    assert row, f"docs/storage.md has no row {deed!r}"
    return {kind: int(cell) for kind, cell in zip(KINDS, row[1].split("|"), strict=True) if cell.strip() != "0"}


@contextmanager
def counted(proxy: S3Proxy, deed: str) -> Iterator[None]:
    proxy.seen.clear()
    yield
    assert dict(proxy.seen) == told(deed)


@pytest.fixture
def world(opened: OpenStore, proxy: S3Proxy, tmp_path: Path) -> World:
    return World(opened(proxy.endpoint), tmp_path)


def speak(world: World) -> tuple[AudioFiles, Record]:
    """As a worker does: it looks whether the file is there already, and puts it."""
    files, record = world.files(), world.record(b"audio")
    assert files.find(record.file_id) is None
    assert files.put_once(record, world.audio(b"audio")) == (record, True)
    return files, record


def test_a_file(world: World, proxy: S3Proxy) -> None:
    with counted(proxy, "a request that is spoken"):
        files, record = speak(world)
    with counted(proxy, "a request that is answered with a copy"):
        copy = world.record(b"audio", "r2", cached=True)
        assert files.find(copy.file_id) is None and files.find(record.file_id) == record
        assert files.fetch(record, world.folder / "copy")
        assert files.put_once(copy, world.folder / "copy") == (copy, True)
    with counted(proxy, "a request that comes again"):
        found = files.find(record.file_id)
        assert isinstance(found, Record)
        assert files.adopt(found)
    with counted(proxy, "a download over HTTP, whose record is not in the gateway's cache"):
        files.find(record.file_id)
        files.open(record).close()


def test_clean_up(world: World, proxy: S3Proxy) -> None:
    _, record = speak(world)
    with counted(proxy, "a clean-up of all 16 shards that finds nothing due"):
        assert [due for shard in SHARDS for due in world.cleanup().due(world.now, shard)] == []
    world.later(hours=25)
    cleanup, shard = world.cleanup(), record.file_id[0]
    due = list(cleanup.due(world.now, shard))
    with counted(proxy, "a file that expires"):
        for each in due:
            deleted = cleanup.settle(each)
            assert deleted is not None
            cleanup.forget(deleted)
    world.later(days=31)
    due = list(cleanup.due(world.now, shard))
    with counted(proxy, "its tombstone, a month later"):
        assert [cleanup.settle(each) for each in due] == [None]


def test_the_probe(world: World, proxy: S3Proxy) -> None:
    with counted(proxy, "the look at the store when a process starts"):
        world.store.probe()


def test_each_kind_is_counted(world: World, proxy: S3Proxy) -> None:
    world.store.put_new("a", b"")
    world.store.get("a")
    world.store.size("a")
    list(world.store.names())
    world.store.delete("a")
    assert proxy.seen == Counter(KINDS)
