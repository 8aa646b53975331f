"""Files that the index takes from the store: what no event tells of (any more), and what is not there (any more)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage.files import AudioFiles, metadata_key
from storage.index import About, Index, take_store
from storage.memory import MemoryStore
from storage.records import Record, Tombstone
from tests.index.telling import about, at, completed, deleted

ONE, TWO = about("one"), about("two", "acme")


@pytest.fixture
def files() -> AudioFiles:
    return AudioFiles(MemoryStore(), clock=lambda: at(1000))


def stored(who: About, seconds: float, **more: Any) -> Record:
    fields = {
        "file_id": who.file_id,
        "request_id": who.request_id,
        "tenant": who.tenant,
        "file_path": "memory:x.wav",
        "text": "Twenty characters it",
        "model": "tone",
        "voice": "sine",
        "language": "en",
        "format": "wav",
        "created_at": at(seconds),
        "expires_at": at(seconds) + timedelta(hours=24),
        "expiry_hours": 24,
        "file_size": 1000,
        "sample_rate": 24_000,
        "duration_seconds": 2.75,
        "sha256": "a" * 64,
        "pcm_sha256": "b" * 64,
        "model_revision": "tone 1",
        "synthesis": {"characters": 20},
        "metadata": {"k": "v"},
        "content_sha256": "c" * 64,
        "worker": "w",
    }
    return Record.model_validate(fields | more)


def keep(files: AudioFiles, what: Record | Tombstone) -> None:
    files.store.put(metadata_key(what.file_id), what.to_bytes())


def test_a_record_says_what_its_event_said(index: Index, files: AudioFiles) -> None:
    index.apply([completed(ONE, 5)])
    job, file, totals = index.job("default", "one"), index.file(ONE.file_id), index.totals(None)
    keep(files, stored(ONE, 5))
    take_store(index, files)
    assert (index.job("default", "one"), index.file(ONE.file_id), index.totals(None)) == (job, file, totals)
    assert index.store_read_at() == at(1000)


def test_records_and_tombstones_that_no_event_tells_of(index: Index, files: AudioFiles) -> None:
    keep(files, stored(ONE, 5))
    keep(files, Tombstone.of(stored(TWO, 6), at(60), "requested", at(9000)))
    take_store(index, files)
    one, two = index.job("default", "one"), index.job("acme", "two")
    assert one and (one.status, one.characters, one.deleted_at) == ("completed", 20, None)
    assert two and (two.status, two.deleted_at, two.delete_reason) == ("completed", at(60), "requested")
    assert (index.totals(None).total_files, index.totals(None).deleted_files) == (1, 1)


def test_a_file_that_was_made_again_after_the_deletion_that_the_log_tells_of(index: Index, files: AudioFiles) -> None:
    index.apply([completed(ONE, 5), deleted(ONE, 10, made=5)])
    keep(files, stored(ONE, 20))
    take_store(index, files)
    file = index.file(ONE.file_id)
    assert file and (file.created_at, file.deleted_at) == (at(20), None)


def test_what_is_not_there_any_more(index: Index, files: AudioFiles) -> None:
    index.apply([completed(about(f"r{n}"), n) for n in range(5)])
    keep(files, stored(about("r3"), 3))
    take_store(index, files)
    assert (index.totals(None).total_files, index.totals(None).deleted_files) == (1, 4)
    lost = index.job("default", "r0")
    assert lost and (lost.status, lost.delete_reason, lost.deleted_at) == ("completed", "missing", at(1000))


def test_what_tells_of_no_file(index: Index, files: AudioFiles) -> None:
    orphan = Tombstone(file_id=ONE.file_id, deleted_at=at(1), reason="orphaned", forget_at=at(1))
    keep(files, orphan)
    files.store.put(metadata_key(TWO.file_id), b"{}")
    keep(files, stored(ONE, 1, file_id="e" * 32, tenant="y" * 300))
    take_store(index, files)
    assert index.jobs(None).jobs == () and index.totals(None).total_files == 0


def test_stopping(index: Index, files: AudioFiles) -> None:
    keep(files, stored(ONE, 5))

    def stop(_count: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        take_store(index, files, stop)
    assert index.store_read_at() is None


def test_how_long_a_file_is_kept_is_taken_from_the_store(index: Index, files: AudioFiles) -> None:
    record = stored(ONE, 0).model_copy(update={"pinned": True, "expires_at": at(0), "retained_at": at(5)})
    files.store.put_new(metadata_key(ONE.file_id), record.to_bytes())
    take_store(index, files)
    file = index.file(ONE.file_id)
    assert file and file.pinned
    assert index.totals(None).expired_files == 0
