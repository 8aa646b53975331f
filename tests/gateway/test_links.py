"""Signed links: one file, for a time, without a key."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from streams.gateway.keys import Scope, create
from streams.settings import SettingsError, load
from tests.gateway.rig import Site

SECRET = "a-secret-of-some-length"


async def spoken(client: httpx.AsyncClient, key: str, name: str, **fields: object) -> str:
    body = {"text": "Hello there.", "model": "tone"} | fields
    answer = await client.post("/api/tts/synthesize", json=body, headers={"X-API-Key": key, "X-Request-ID": name})
    return f"/api/tts/audio/{answer.headers['x-file-id']}"


async def test_a_link_opens_one_file_without_a_key(tmp_path: Path) -> None:
    key, _ = create(tmp_path / "keys", "acme", [Scope.SPEAK, Scope.READ])
    other, _ = create(tmp_path / "keys", "globex", [Scope.READ])
    site = Site(TTS_API_KEYS_FILE=str(tmp_path / "keys"), TTS_LINK_SECRET=SECRET)
    async with site.client() as client:
        url, second = [await spoken(client, key, name) for name in ("first", "second")]
        assert (await client.get(url)).status_code == 401
        assert (await client.get(f"{url}/link", headers={"X-API-Key": other})).status_code == 404
        made = (await client.get(f"{url}/link?seconds=60", headers={"X-API-Key": key})).json()
        assert made.keys() == {"success", "url", "expires_at"}
        query = urlsplit(made["url"]).query
        answer = await client.get(made["url"])
        assert answer.status_code == 200
        policy = re.fullmatch(r"public, max-age=(\d+), immutable", answer.headers["cache-control"])
        assert policy and int(policy[1]) <= 60
        assert (await client.get(made["url"], headers={"Host": "cdn.example.com"})).status_code == 200
        assert (await client.head(made["url"], headers={"Range": "bytes=0-3"})).status_code == 206
        not_changed = await client.get(made["url"], headers={"If-None-Match": answer.headers["etag"]})
        assert not_changed.status_code == 304
        for closed in (f"{second}?{query}", f"{url}?{query}0", f"{url}?expires=1&{query.partition('&')[2]}"):
            assert (await client.get(closed)).status_code == 403
        for more in (f"{url}/metadata?{query}", f"{url}/link?{query}"):
            assert (await client.get(more)).status_code == 401, "it opens the audio alone"
        assert (await client.delete(made["url"])).status_code == 401


async def test_a_link_ends(tmp_path: Path) -> None:
    site = Site(TTS_LINK_SECRET=SECRET)
    async with site.client() as client:
        url = await spoken(client, "", "r")
        made = (await client.get(f"{url}/link?seconds=1")).json()["url"]
        for _ in range(400):
            if (await client.get(made)).status_code == 403:
                break
            await asyncio.sleep(0.05)
        assert "ended" in (await client.get(made)).json()["error"]["message"]
        for wrong in ("0", "-1", "x", "99999999999"):
            assert (await client.get(f"{url}/link?seconds={wrong}")).status_code == 400


async def test_events_and_links_say_the_public_address() -> None:
    site = Site(TTS_LINK_SECRET=f"{SECRET} another-and-older-secret", TTS_PUBLIC_URL="https://tts.example.com/")
    async with site.client() as client:
        url = await spoken(client, "", "r", expiry_hours=0.5)
        made = (await client.get(f"{url}/link?seconds=86400")).json()["url"]
        (event,) = site.rig.writer.of("completed")
        assert event.audio_url == made, "no link outlives its file"
        assert made.startswith(f"https://tts.example.com{url}?expires=")
        assert (await client.get(made)).status_code == 200


async def test_without_a_secret_there_are_no_links() -> None:
    async with Site().client() as client:
        url = await spoken(client, "", "r")
        assert (await client.get(f"{url}/link")).status_code == 404
        assert (await client.get(f"{url}?expires=1&signature=x")).status_code == 200, "as any other unknown parameter"


def test_a_secret_that_can_be_guessed_is_refused_and_never_shown() -> None:
    with pytest.raises(SettingsError, match="TTS_LINK_SECRET") as raised:
        load({"TTS_LINK_SECRET": f"{SECRET} short"})
    assert "short" not in str(raised.value)
