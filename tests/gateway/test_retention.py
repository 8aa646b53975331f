"""`PATCH …/metadata`: kept longer, pinned, released; and what cannot be."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.records import Record, iso
from streams.events import Keep
from streams.gateway.keys import Scope, create
from streams.gateway.retention import _says
from tests.gateway.rig import Site

BODY = {"text": "Hello there.", "model": "tone"}


async def spoken(client: httpx.AsyncClient, **headers: str) -> str:
    answer = await client.post("/api/tts/synthesize", json=BODY, headers=headers)
    return f"/api/tts/audio/{answer.headers['x-file-id']}"


async def changed(client: httpx.AsyncClient, url: str, **change: Any) -> httpx.Response:
    return await client.patch(f"{url}/metadata", json=change)


async def test_a_file_is_kept_longer() -> None:
    async with Site().client() as client:
        url = await spoken(client)
        until = datetime.now(UTC) + timedelta(days=9)
        answer = await changed(client, url, expires_at=iso(until))
        assert answer.status_code == 200
        told = answer.json()["metadata"]
        assert (told["expires_at"], told["pinned"]) == (iso(until), False)
        assert told["retained_at"]
        assert (await client.get(f"{url}/metadata")).json()["metadata"] == told
        assert (await client.get(url)).headers["x-expires-at"] == iso(until)
        hours = (await changed(client, url, expiry_hours=24 * 30)).json()["metadata"]
        assert datetime.fromisoformat(hours["expires_at"]) > until + timedelta(days=20)


async def test_a_pinned_file_is_not_deleted_and_a_released_one_is() -> None:
    async with Site().client() as client:
        url = await spoken(client)
        assert (await changed(client, url, pinned=True)).json()["metadata"]["pinned"] is True
        refused = await client.delete(url)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        assert "pinned" in refused.json()["error"]["message"]
        assert (await client.get(url)).status_code == 200
        assert (await changed(client, url, pinned=False)).json()["metadata"]["pinned"] is False
        assert (await client.delete(url)).status_code == 200


async def test_a_pinned_file_can_be_had_beyond_its_expiry() -> None:
    site = Site()
    async with site.client() as client:
        url = await spoken(client)
        await changed(client, url, pinned=True)
        file_id = url.rpartition("/")[2]
        record = site.rig.files.find(file_id)
        assert isinstance(record, Record)
        past = record.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(hours=1)})
        site.rig.store.put(f"metadata/{file_id}.json", past.to_bytes())
        site.library.forget(file_id)
        answer = await client.get(url)
        assert answer.status_code == 200
        assert "max-age=0" not in answer.headers["cache-control"]
        assert (await changed(client, url, pinned=False)).status_code == 200
        assert (await client.get(url)).status_code == 410


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "none of expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at: 2020-01-01T00:00:00Z is not in the future"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "hours from now"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "expires_at"),
        ({"expiry_hours": 0}, "expiry_hours"),
        ({"expiry_hours": 1}, "an expiry only moves later"),
        ({"expiry_hours": 1e9}, "expiry_hours: 1e+09 is above the limit of 87600"),
        ({"expiry_hours": 50, "expires_at": "2999-01-01T00:00:00Z"}, "give one of them"),
        ({"pinned": "yes"}, "pinned"),
        ({"text": "other"}, "text"),
    ],
)
async def test_what_is_not_allowed_is_named(change: dict[str, Any], named: str) -> None:
    site = Site()
    async with site.client() as client:
        url = await spoken(client)
        before = len(site.writer.events)
        answer = await changed(client, url, **change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert named in answer.json()["error"]["message"]
        assert len(site.writer.events) == before, "nothing is asked of the workers"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7"])
async def test_a_body_that_is_no_object(body: bytes) -> None:
    async with Site().client() as client:
        url = await spoken(client)
        answer = await client.patch(f"{url}/metadata", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


async def test_files_that_are_not_there() -> None:
    async with Site().client() as client:
        url = await spoken(client)
        assert (await changed(client, "/api/tts/audio/" + "0" * 32, pinned=True)).status_code == 404
        await client.delete(url)
        assert (await changed(client, url, pinned=True)).status_code == 410


async def test_a_tenant_keeps_its_own_files_alone(tmp_path: Path) -> None:
    key, _ = create(tmp_path / "keys", "acme", [Scope.SPEAK, Scope.READ])
    other, _ = create(tmp_path / "keys", "globex", [Scope.SPEAK, Scope.READ])
    reader, _ = create(tmp_path / "keys", "acme", [Scope.READ])
    async with Site(TTS_API_KEYS_FILE=str(tmp_path / "keys")).client() as client:
        url = await spoken(client, **{"X-API-Key": key})
        for who, status in ((other, 404), (reader, 403), (key, 200)):
            answer = await client.patch(f"{url}/metadata", json={"pinned": True}, headers={"X-API-Key": who})
            assert answer.status_code == status


async def test_a_file_that_goes_before_it_could_be_kept() -> None:
    site = Site(TTS_SYNC_SECONDS="0.1")
    async with site.client() as client:
        url = await spoken(client)
        site.busy = False
        slow = await changed(client, url, pinned=True)
        assert (slow.status_code, slow.json()["metadata"]["pinned"]) == (202, False)
        assert isinstance(await site.library.find(url.rpartition("/")[2]), Record)
        site.delete(url.rpartition("/")[2], told=False)
        gone = await changed(client, url, pinned=True)
        assert (gone.status_code, gone.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize("event", [{}, {"expires_at": 7, "pinned": True}, {"expires_at": "2999-01-01", "pinned": []}])
def test_an_event_of_a_stranger_says_nothing(event: dict[str, Any]) -> None:
    assert not _says(event, Keep(file_id="0" * 32, expires_at=datetime.now(UTC), pinned=True))
