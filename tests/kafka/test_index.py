"""The index of a real log: requests as they come, outcomes, files; killed, rewound, shared."""

from __future__ import annotations

from tests.kafka.indexing import index_of, projecting
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.test_audit import tone


async def test_bare_requests_have_jobs_from_queue_to_result(loa: Installation) -> None:
    await loa.create_topics()
    places = await loa.produce(
        {"text": "Named by its place.", "model": "tone", "metadata": {"order": 7}},
        tone("named", "It has a name."),
        b"no json",
        tone("theirs", "Of another tenant.") | {"tenant": "acme"},
    )
    index = index_of(loa)
    try:
        async with projecting(loa, index):
            queued = index.job("default", places[0])
            assert queued and (queued.status, queued.source) == ("queued", places[0])
            assert queued.estimated_seconds and queued.metadata == {"order": 7}
            assert index.totals(None).jobs["queued"] == 4
            assert {job.request_id for job in index.jobs("default").jobs} == {places[0], "named", places[2]}
            await loa.worker()
            await until(lambda: index.totals(None).jobs["completed"] == 3, "three results")
            await until(lambda: index.totals(None).jobs["failed"] == 1, "a failure")
        done, failed = index.job("default", places[0]), index.job("default", places[2])
        assert done and (done.status, done.progress, done.model) == ("completed", 1.0, "tone")
        assert done.started_at and done.finished_at and done.worker and done.metadata == {"order": 7}
        assert failed and (failed.code, failed.retryable, failed.attempts) == ("invalid_request", False, 1)
        assert index.job("default", "theirs") is None and index.job("acme", "theirs")
        file = index.file(done.file_id)
        stored = loa.metadata(done.file_id)
        assert file and (file.size, file.sha256) == (stored["file_size"], stored["sha256"])
        assert index.totals("acme").total_files == 1 and index.totals(None).total_files == 3
        assert index.queued_seconds() == 0
    finally:
        index.close()
