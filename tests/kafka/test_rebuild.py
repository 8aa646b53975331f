"""The index made anew from log and store, and compared with them."""

from __future__ import annotations

from collections.abc import Callable

from storage.index import Index
from storage.index.tables import files, jobs, totals
from streams.events import CleanupRequested
from tests.kafka.conftest import NewLoa
from tests.kafka.indexing import drift, emit, index_of, new_database, projecting, remove_before_end, rows
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.test_audit import tone


async def test_rebuilt_from_log_and_store_under_a_live_projection(new_loa: NewLoa, database_url: str) -> None:
    loa = new_loa(TTS_DATABASE_URL=database_url)
    await loa.worker()
    spoken = [f"r{n}" for n in range(6)]
    await loa.produce(*(tone(name, "Spoken.") for name in spoken), b"no request")
    index = index_of(loa)
    try:
        async with projecting(loa, index):
            await until(lambda: index.totals(None).jobs["completed"] == 6, "all are spoken")
            gone = index.job("default", "r0")
            assert gone
            await emit(loa, CleanupRequested(file_id=gone.file_id))
            await until(lambda: index.totals(None).deleted_files == 1, "one is deleted")
            before = rows(index)
            assert (await drift(loa, index)).counts == {}
            await rebuilt(loa)
            assert rows(index) == before
            with index.database.writing() as connection:
                connection.execute(
                    jobs.update().where(jobs.c.request_id == "r1").values(completed_at=None, status="queued")
                )
                connection.execute(jobs.delete().where(jobs.c.request_id == "r2"))
                connection.execute(
                    files.update().where(files.c.request_id == "r3").values(gone_created_at=2**60, present=0)
                )
                connection.execute(totals.update().values(bytes=1))
            found = await drift(loa, index)
            assert found.counts == {
                "jobs stale": 1,
                "jobs missing": 1,
                "files unfounded": 1,
                "totals wrong": found.counts["totals wrong"],
            }
            assert found.examples["jobs missing"][0]["request_id"] == "r2"
            command = loa.run("index", "check", "--grace", "0", "--json")
            assert await command.status() == 1
            assert command.lines[0]["drift"] == found.counts
            await rebuilt(loa)
            assert rows(index) == before
            await loa.produce(tone("after", "After it was rebuilt."))
            await until(lambda: index.totals(None).jobs["completed"] == 7, "the projection goes on")
        assert await loa.run("index", "check").status() == 0
    finally:
        index.close()


async def rebuilt(loa: Installation) -> None:
    command = loa.run("index", "rebuild", "--json")
    assert await command.status() == 0, command.said
    assert command.lines[0]["files"] == 5


async def test_files_that_only_the_store_knows(loa: Installation, opened: Callable[[Installation], Index]) -> None:
    await loa.worker()
    await loa.produce(*(tone(f"r{n}", "Spoken.") for n in range(4)))
    index = opened(loa)
    async with projecting(loa, index):
        await until(lambda: index.totals(None).jobs["completed"] == 4, "all are spoken")
    ids = {name: index.job("default", name).file_id for name in ("r0", "r1")}  # type: ignore[union-attr]
    await emit(loa, CleanupRequested(file_id=ids["r0"]))
    async with loa.reader("deleted") as reader:
        await reader.until(lambda: reader.of("deleted", file_id=ids["r0"]), "it is deleted")
    for path in (loa.storage / "metadata" / f"{ids['r1']}.json", loa.storage / f"{ids['r1']}.wav"):
        path.unlink()  # by hand
    await remove_before_end(loa, "requests", "progress", "completed", "deleted")
    soon = {"TTS_TOPIC_RETENTION_DAYS": "progress=1e-9"}  # what is removed may be as young as that
    command = loa.run("index", "check", "--grace", "0", "--json", **soon)
    assert await command.status() == 1
    assert command.lines[0]["drift"] == {"files stale": 1}, "of r1 neither log nor store know anything any more"
    assert await loa.run("index", "rebuild").status() == 0
    counted = index.totals(None)
    assert (counted.total_files, counted.deleted_files, counted.jobs["completed"]) == (2, 1, 3)
    other = opened(new_database(loa))
    async with projecting(new_database(loa), other):
        await until(lambda: other.store_read_at() is not None, "the store is read into an index that began anew")
    assert rows(other) == rows(index)
