"""Files and totals: what is there, what expired, what is gone."""

from __future__ import annotations

from storage.index import Index
from storage.index.pruning import Pruned
from tests.index.telling import about, asked, at, completed, deleted, failed, progressed, retained

ONE = about("one")


def later(index: Index, seconds: float) -> Index:
    """The same index, at another time."""
    return Index(index.database, lambda: at(seconds))


def test_totals(index: Index) -> None:
    index.apply([completed(ONE, 0, hours=1, size=100), completed(about("two", "acme"), 0, hours=2, size=50)])
    index.apply([asked(about("three"), 0), failed(about("four"), 0)])
    now = later(index, 60).totals(None)
    assert (now.total_files, now.total_bytes, now.active_files, now.expired_files) == (2, 150, 2, 0)
    assert (now.audio_seconds, now.characters) == (5.5, 40)
    assert now.jobs == {"queued": 1, "in_progress": 0, "completed": 2, "failed": 1, "cancelled": 0}
    assert now.queued_seconds == {"interactive": 1.5, "bulk": 0}
    then = later(index, 3600).totals(None)
    assert (then.active_files, then.expired_files, then.expired_bytes) == (1, 1, 100)
    assert later(index, 3600).totals("acme").expired_files == 0
    index.apply([deleted(ONE, 3700, made=0, reason="expired")])
    gone = later(index, 3800).totals(None)
    assert (gone.total_files, gone.total_bytes, gone.expired_files, gone.deleted_files) == (1, 50, 0, 1)


def test_a_deletion_that_comes_before_its_file(index: Index) -> None:
    index.apply([deleted(ONE, 9, made=3)])
    known = index.file(ONE.file_id)
    assert known and (known.created_at, known.deleted_at) == (None, at(9))
    index.apply([completed(ONE, 3)])
    file = index.file(ONE.file_id)
    assert file and (file.created_at, file.deleted_at, file.reason) == (at(3), at(9), "requested")
    assert (index.totals(None).total_files, index.totals(None).deleted_files) == (0, 1)


def test_a_deletion_by_a_clock_that_is_behind(index: Index) -> None:
    index.apply([completed(ONE, 3), deleted(ONE, 1, made=3)])
    assert index.totals(None).total_files == 0


def test_a_file_that_is_made_again(index: Index) -> None:
    index.apply([completed(ONE, 0), deleted(ONE, 10, made=0)])
    index.apply([completed(ONE, 20, size=70)])
    index.apply([completed(ONE, 0), deleted(ONE, 10, made=0)])  # told again
    file = index.file(ONE.file_id)
    assert file and (file.created_at, file.deleted_at, file.size) == (at(20), None, 70)
    assert (index.totals(None).total_files, index.totals(None).total_bytes) == (1, 70)


def test_an_old_event_tells_only_when_it_was_deleted(index: Index) -> None:
    index.apply([completed(ONE, 0), deleted(ONE, 10)])
    assert index.totals(None).total_files == 0


def test_pruning(index: Index) -> None:
    old, young, waiting = about("old"), about("young"), about("waiting")
    index.apply(
        [asked(old, 0), completed(old, 1), deleted(old, 2, made=1), asked(waiting, 0), progressed(waiting, 5000)]
    )
    index.apply([asked(young, 4000), completed(young, 4001)])
    assert index.prune(at(1000), at(2)) == Pruned(jobs=1, files=0, deliveries=0)
    assert index.job("default", "old") is None and index.file(old.file_id)
    assert index.job("default", "young") and index.job("default", "waiting")
    totals = index.totals(None)
    assert (totals.jobs["completed"], totals.jobs["in_progress"], totals.audio_seconds) == (1, 1, 2.75)
    assert index.prune(at(1000)) == Pruned(jobs=0, files=1, deliveries=0)
    assert index.file(old.file_id) is None and index.totals(None).deleted_files == 0
    assert index.prune(at(9000)) == Pruned(jobs=2, files=0, deliveries=0)
    assert index.totals(None).total_files == 1, "a file that is there is never forgotten"


def test_pruning_of_many(index: Index) -> None:
    index.apply([asked(about(f"r{n}"), n / 1000, f"tts.requests-0-{n}") for n in range(1234)])
    assert index.prune(at(1.0)).jobs == 1000
    assert index.totals(None).jobs["queued"] == 234


def test_a_file_that_is_kept_longer_does_not_expire_before(index: Index) -> None:
    index.apply([asked(ONE, 0), completed(ONE, 0, hours=1), retained(ONE, 9, made=0, hours=2)])
    assert later(index, 3700).totals(None).expired_files == 0
    assert later(index, 7300).totals(None).expired_files == 1
    job, file = index.job("default", "one"), index.file(ONE.file_id)
    assert job and file and job.expires_at == file.expires_at == at(7200)


def test_a_pinned_file_does_not_expire_until_it_is_released(index: Index) -> None:
    index.apply([retained(ONE, 9, made=0, hours=1, pinned=True)])
    index.apply([completed(ONE, 0, hours=1)])
    totals = later(index, 9000).totals(None)
    assert (totals.active_files, totals.expired_files) == (1, 0)
    file = index.file(ONE.file_id)
    assert file and file.pinned
    index.apply([retained(ONE, 99, made=0, hours=1), retained(ONE, 9, made=0, hours=1, pinned=True)])
    assert later(index, 9000).totals(None).expired_files == 1


def test_what_was_kept_is_not_what_is_made_again(index: Index) -> None:
    index.apply(
        [completed(ONE, 0), retained(ONE, 9, made=0, pinned=True), deleted(ONE, 10, made=0), completed(ONE, 20)]
    )
    file = index.file(ONE.file_id)
    assert file and (file.pinned, file.expires_at) == (False, at(20 + 24 * 3600))
