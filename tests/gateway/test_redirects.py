"""Downloads that the object store answers itself."""

import httpx
import pytest

from storage.files import AudioFiles
from storage.memory import MemoryStore
from streams.parts import check_links
from streams.settings import SettingsError, load
from tests.gateway.rig import Site

SECRET = "a-secret-of-some-length"


class Signing:
    """Notes for which key and how many seconds a link is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def __call__(self, key: str, seconds: float) -> str:
        self.asked.append((key, seconds))
        return f"https://bucket.example.com/{key}?signed"


async def spoken(client: httpx.AsyncClient, **fields: object) -> tuple[str, str]:
    body = {"text": "Hello there.", "model": "tone"} | fields
    answer = await client.post("/api/tts/synthesize", json=body)
    assert answer.status_code == 200, "the answer to a request is the audio itself"
    return answer.headers["x-file-id"], f"/api/tts/audio/{answer.headers['x-file-id']}"


@pytest.fixture
def site() -> Site:
    return Site(TTS_REDIRECT_DOWNLOADS="on", TTS_LINK_SECRET=SECRET)


@pytest.fixture
def signing(site: Site) -> Signing:
    site.rig.store.link = made = Signing()  # type: ignore[assignment]
    return made


async def test_a_download_is_redirected_to_the_store(site: Site, signing: Signing) -> None:
    async with site.client() as client:
        name, url = await spoken(client)
        answer = await client.get(url)
        assert (answer.status_code, answer.content) == (307, b"")
        assert answer.headers["location"] == f"https://bucket.example.com/{name}.wav?signed"
        assert answer.headers["x-file-id"] == name
        assert answer.headers["x-expires-at"]
        assert answer.headers["cache-control"] == "no-store"
        assert (await client.get(url, headers={"Range": "bytes=0-3"})).status_code == 307
        assert signing.asked == [(f"{name}.wav", 3600.0)] * 2


async def test_everything_else_is_as_before(site: Site, signing: Signing) -> None:
    async with site.client() as client:
        name, url = await spoken(client)
        head = await client.head(url)
        assert (head.status_code, head.headers["content-type"]) == (200, "audio/wav")
        assert (await client.get(url, headers={"If-None-Match": head.headers["etag"]})).status_code == 304
        assert (await client.get(f"{url}/metadata")).status_code == 200
        assert (await client.get("/api/tts/audio/" + "0" * 32)).status_code == 404
        site.delete(name)
        assert (await client.get(url)).status_code == 410
        assert signing.asked == []


async def test_no_link_outlives_the_file_or_the_link_by_which_it_was_fetched(site: Site, signing: Signing) -> None:
    async with site.client() as client:
        _, url = await spoken(client, expiry_hours=0.5)
        await client.get(url)
        link = (await client.get(f"{url}/link?seconds=60")).json()["url"]
        assert (await client.get(link)).status_code == 307
        assert 1700 < signing.asked[0][1] <= 1800
        assert 1 <= signing.asked[1][1] <= 60


async def test_a_store_without_links_is_refused_at_the_start() -> None:
    files = AudioFiles(MemoryStore())
    with pytest.raises(SettingsError, match="TTS_REDIRECT_DOWNLOADS=on: TTS_STORAGE_DIR=here gives no links"):
        check_links(load({"TTS_REDIRECT_DOWNLOADS": "on", "TTS_STORAGE_DIR": "here"}), files)
    check_links(load({}), files)
