"""A request that ends while its index is behind."""

from pathlib import Path

from storage.index import Index, sqlite_url
from streams.events import Event
from tests.gateway.rig import Site
from tests.index.telling import about, asked, completed

LATE = about("late")


async def test_an_end_that_was_told_before_anybody_waited_for_it_is_found(tmp_path: Path) -> None:
    site = Site(TTS_SYNC_SECONDS="20")
    site.index = index = Index.open(sqlite_url(tmp_path / "index.sqlite"))
    index.apply([asked(LATE)])

    async def emit(event: Event, passed_on: object = None) -> None:
        """The outcome is on the log and was heard by the gateway; only now does the index hear of it."""
        index.apply([completed(LATE, 5)])

    site.writer.emit = emit  # type: ignore[method-assign]
    async with site.client() as client:
        answer = await client.delete("/api/tts/jobs/late")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    index.close()


async def test_one_that_nobody_ends_is_told_to_end_later(tmp_path: Path) -> None:
    site = Site(TTS_SYNC_SECONDS="0.5")
    site.busy = False
    site.index = index = Index.open(sqlite_url(tmp_path / "index.sqlite"))
    index.apply([asked(LATE)])
    async with site.client() as client:
        answer = await client.delete("/api/tts/jobs/late")
    assert (answer.status_code, answer.json()["job"]["status"]) == (202, "queued")
    index.close()
