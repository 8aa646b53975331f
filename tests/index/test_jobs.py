"""A request's way through the index, and what is read of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.errors import BadCursor
from storage.index import Index
from storage.index.results import Job
from tests.index.telling import about, asked, at, cancelled, completed, deleted, failed, progressed

ONE = about("one")


def job(index: Index, request_id: str = "one", tenant: str = "default") -> Job:
    found = index.job(tenant, request_id)
    assert found
    return found


def test_a_request_from_queue_to_result(index: Index) -> None:
    index.apply([asked(ONE, 0)])
    queued = job(index)
    assert (queued.status, queued.created_at, queued.model, queued.progress) == ("queued", at(0), "auto", 0)
    assert (queued.estimated_seconds, queued.metadata, queued.attempts) == (1.5, {"k": "v"}, 1)
    index.apply([progressed(ONE, 1)])
    started = job(index)
    assert (started.status, started.started_at, started.worker) == ("in_progress", at(1), "w")
    index.apply([progressed(ONE, 2, chunk=3)])
    assert (job(index).progress, job(index).started_at) == (0.75, at(1))
    index.apply([completed(ONE, 3)])
    done = job(index)
    assert (done.status, done.finished_at, done.model, done.voice) == ("completed", at(3), "tone", "sine")
    assert (done.duration_seconds, done.file_size, done.expires_at) == (2.75, 1000, at(3) + timedelta(hours=24))
    assert (done.progress, done.deleted_at, done.created_at, done.source) == (1, None, at(0), "tts.requests-0-0")
    index.apply([deleted(ONE, 9, made=3)])
    assert (job(index).deleted_at, job(index).delete_reason, job(index).status) == (at(9), "requested", "completed")


def test_an_outcome_that_comes_before_its_request(index: Index) -> None:
    index.apply([completed(ONE, 3)])
    index.apply([progressed(ONE, 2, chunk=1)])
    index.apply([asked(ONE, 0, model="auto")])
    done = job(index)
    assert (done.status, done.created_at, done.started_at, done.model) == ("completed", at(0), at(2), "tone")
    assert index.totals(None).jobs["completed"] == 1 and index.totals(None).jobs["queued"] == 0


def test_a_failure_and_its_redrive(index: Index) -> None:
    index.apply([asked(ONE, 0), failed(ONE, 1)])
    lost = job(index)
    assert (lost.status, lost.code, lost.message, lost.finished_at) == (
        "failed",
        "unknown_voice",
        "voice: unknown_voice",
        at(1),
    )
    index.apply([asked(ONE, 5, "tts.requests-0-9", source="tts.requests-0-0", attempt=2)])
    again = job(index)
    assert (again.status, again.code, again.attempts, again.created_at) == ("queued", None, 2, at(0))
    assert index.queued_seconds() == 1.5
    index.apply([progressed(ONE, 6)])
    assert job(index).status == "in_progress"
    index.apply([failed(ONE, 7, source="tts.requests-0-9", attempts=2)])
    assert (job(index).status, job(index).attempts) == ("failed", 2)
    index.apply([asked(ONE, 8, "tts.requests-0-11", attempt=3), completed(ONE, 9)])
    assert (job(index).status, job(index).code, job(index).message) == ("completed", None, None)


def test_a_failure_answers_its_record_whatever_the_clocks_say(index: Index) -> None:
    index.apply([asked(ONE, 10), failed(ONE, 5)])
    assert job(index).status == "failed"


def test_a_retry_by_the_worker_is_no_failure(index: Index) -> None:
    index.apply([asked(ONE, 0), progressed(ONE, 1), asked(ONE, 2, "tts.requests.retry-0-0", since=0, attempt=2)])
    assert (job(index).status, job(index).attempts, job(index).created_at) == ("in_progress", 2, at(0))


def test_a_conflict_changes_nothing_of_the_first(index: Index) -> None:
    index.apply([asked(ONE, 0), completed(ONE, 1), failed(ONE, 2, "request_conflict")])
    assert job(index).status == "completed"
    other = about("other")
    index.apply([failed(other, 2, "request_conflict"), failed(other, 1, "unknown_model")])
    assert job(index, "other").code == "unknown_model"


def test_cancelling(index: Index) -> None:
    index.apply([cancelled(ONE, 1)])
    assert index.job("default", "one") is None, "nobody asked for it yet"
    assert index.jobs(None).jobs == ()
    index.apply([asked(ONE, 0)])
    assert (job(index).status, job(index).cancel_requested_at) == ("queued", at(1))
    index.apply([failed(ONE, 2, "cancelled")])
    assert (job(index).status, index.totals(None).jobs["cancelled"]) == ("cancelled", 1)


def test_lanes(index: Index) -> None:
    index.apply([asked(ONE, 0, estimated_seconds=2.0), asked(about("two"), 1, lane="bulk", estimated_seconds=7.0)])
    assert (index.queued_seconds(), index.queued_seconds("interactive"), index.queued_seconds("bulk")) == (9, 2, 7)
    index.apply([asked(ONE, 2, "tts.requests.bulk-0-0", since=0, lane="bulk", estimated_seconds=2.0)])
    assert (index.queued_seconds("interactive"), index.queued_seconds("bulk", "default")) == (0, 9)
    assert index.queued_seconds(tenant="nobody") == 0


def test_a_request_is_queued_in_the_pool_that_it_was_moved_to(index: Index) -> None:
    index.apply([asked(ONE, 1, estimated_seconds=2.0), asked(about("two"), 1, estimated_seconds=7.0)])
    assert (index.queued_seconds(pool=""), index.queued_seconds(pool="gpu")) == (9, 0)
    # By the clock of its broker the copy came first.
    index.apply([asked(ONE, 0, "tts.requests.gpu-0-0", since=0, estimated_seconds=2.0, pool="gpu", moved=True)])
    assert (index.queued_seconds(pool=""), index.queued_seconds(pool="gpu"), index.queued_seconds()) == (7, 2, 9)
    assert (index.queued_seconds("bulk", pool="gpu"), index.queued_seconds(None, "default", "gpu")) == (0, 2)
    assert index.totals(None).queued_seconds == {"interactive": 9, "bulk": 0}
    assert index.totals(None).jobs["queued"] == 2
    assert (job(index).pool, index.ahead_of(job(index, "two"))) == ("gpu", (0, 0)), "each has its own queue"
    index.apply([failed(ONE, 3), asked(ONE, 9, "tts.requests-0-9", source="tts.requests-0-0", attempt=2)])
    assert index.queued_seconds(pool="gpu") == 0, "what is put back is not moved yet"
    index.apply([completed(ONE, 10), completed(about("two"), 10)])
    assert (index.queued_seconds(pool=""), index.queued_seconds(pool="gpu")) == (0, 0)
    index.prune(at(1000), at(1000))
    assert index.totals(None).jobs["completed"] == 0


def test_what_is_ahead(index: Index) -> None:
    index.apply([asked(about(f"r{n}"), n, f"tts.requests-0-{n}", estimated_seconds=n + 1.0) for n in range(5)])
    index.apply([asked(about("bulk"), 0, lane="bulk"), progressed(about("r1"), 6)])
    assert index.ahead_of(job(index, "r0")) == (0, 0)
    assert index.ahead_of(job(index, "r4")) == (3, 1 + 3 + 4)
    assert index.ahead_of(job(index, "r1")) == (0, 0), "it is being spoken"


def test_tenants_are_apart(index: Index) -> None:
    theirs = about("one", "acme")
    index.apply([asked(ONE, 0), asked(theirs, 1), completed(theirs, 2)])
    assert job(index).status == "queued" and job(index, tenant="acme").status == "completed"
    assert [found.tenant for found in index.jobs("acme").jobs] == ["acme"]
    assert len(index.jobs(None).jobs) == 2
    assert (index.totals("acme").total_files, index.totals("default").total_files) == (1, 0)
    assert index.totals("nobody").total_files == 0


def test_pages_are_stable_under_what_comes(index: Index) -> None:
    def request(n: int) -> None:
        index.apply([asked(about(f"r{n}"), n, f"tts.requests-0-{n}", model="tone" if n % 2 else "auto")])

    for n in range(10):
        request(n)
    index.apply([failed(about("r5"), 20)])
    page = index.jobs(None, limit=4)
    assert [found.request_id for found in page.jobs] == ["r9", "r8", "r7", "r6"]
    request(99)
    page = index.jobs(None, limit=4, cursor=page.next_cursor)
    assert [found.request_id for found in page.jobs] == ["r5", "r4", "r3", "r2"]
    page = index.jobs(None, limit=4, cursor=page.next_cursor)
    assert [found.request_id for found in page.jobs] == ["r1", "r0"] and page.next_cursor is None
    assert [found.request_id for found in index.jobs("default", status="failed").jobs] == ["r5"]
    assert {found.request_id for found in index.jobs(None, model="tone", status="queued", since=at(4)).jobs} == {
        "r7",
        "r9",
        "r99",
    }
    assert [found.request_id for found in index.jobs(None, since=at(2), until=at(4)).jobs] == ["r3", "r2"]
    exact = index.jobs(None, limit=11)
    assert len(exact.jobs) == 11 and exact.next_cursor is None


def test_many_of_one_moment_are_all_there_once(index: Index) -> None:
    index.apply([asked(about(f"r{n}"), 0, f"tts.requests-0-{n}") for n in range(25)])
    seen: list[str] = []
    cursor = None
    while True:
        page = index.jobs(None, limit=7, cursor=cursor)
        seen += [found.request_id for found in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"r{n}" for n in range(25))


@pytest.mark.parametrize("cursor", ["", "x", "!!", "MTIz", "a" * 500, "ü", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkuYQ"])
def test_a_cursor_that_is_none(index: Index, cursor: str) -> None:
    with pytest.raises(BadCursor, match="cursor"):
        index.jobs(None, cursor=cursor)
