"""Speaking and fetching over HTTP, with a log that is a list."""

import asyncio
from typing import Any, BinaryIO

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError

from models.engine import EngineTimeout
from storage.errors import Unavailable
from storage.records import file_id
from tests.fakes import InProcessPool
from tests.gateway.rig import Site

URL = "/api/tts/synthesize"


async def speak(client: httpx.AsyncClient, name: str = "r", **fields: object) -> httpx.Response:
    body = {"text": "Hello there.", "model": "tone"} | fields
    return await client.post(URL, json=body, headers={"X-Request-ID": name})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("wrong", [[], {}, [1], 7, True, "other"])
@pytest.mark.parametrize("name", ["request_id", "text", "model", "voice", "format", "stream_format"])
async def test_fields_of_any_kind_are_refused_and_not_stumbled_over(name: str, wrong: Any) -> None:
    async with Site().client() as client:
        assert (await speak(client, **{name: wrong})).status_code in {200, 400}
        body = {"input": "Hello.", "voice": "alloy", "model": "tone", name: wrong}
        assert (await client.post("/v1/audio/speech", json=body)).status_code in {200, 400}


async def test_a_tenant_of_another_kind_is_refused(tmp_path: Any) -> None:
    from streams.gateway.keys import Scope, create

    plain, _ = create(tmp_path / "keys", "acme", [Scope.SPEAK])
    async with Site(TTS_API_KEYS_FILE=str(tmp_path / "keys")).client(headers={"X-API-Key": plain}) as client:
        for wrong in ([], {}, "globex", 7):
            assert code(await speak(client, tenant=wrong)) == (400, "invalid_request")
        assert (await speak(client, tenant="acme")).status_code == 200


async def test_the_body_may_name_the_call_where_no_header_does() -> None:
    async with Site().client() as client:
        body = {"text": "Hello.", "model": "tone", "request_id": "mine"}
        answer = await client.post("/api/tts/synthesize", json=body)
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "mine")
        assert answer.headers["x-file-id"] == file_id("default", "mine")
        other = await client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": "another"})
        assert (other.status_code, other.headers["x-request-id"]) == (400, "another")
        wrong = await client.post("/api/tts/synthesize", json=body | {"request_id": "no\nid"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("more", [{}, {"return_audio": False}, {"stream": True}])
async def test_what_is_not_stored_has_no_file_to_come_back_for(more: dict[str, Any]) -> None:
    async with Site().client() as client:
        kept, left = await speak(client, "kept", **more), await speak(client, "left", store=False, **more)
        assert "x-file-id" in kept.headers
        assert left.status_code == 200 and not {"x-file-id", "x-expires-at"} & set(left.headers)


async def test_a_voice_that_is_an_object_has_an_id() -> None:
    async with Site().client() as client:
        answer = await client.post("/v1/audio/speech", json={"input": "Hello.", "model": "tone", "voice": {}})
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "voice.id: is missing")


async def test_a_range_of_absurd_numbers_is_no_range() -> None:
    async with Site().client() as client:
        spoken = await speak(client)
        url = f"/api/tts/audio/{spoken.headers['x-file-id']}"
        for wanted in (f"bytes=0-{'9' * 5000}", f"bytes={'9' * 5000}-", "bytes=-" + "9" * 5000):
            answer = await client.get(url, headers={"Range": wanted})
            assert (answer.status_code, answer.content) == (200, spoken.content)


async def test_of_a_range_no_more_is_asked_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    opened, asked = site.rig.store.open, []

    def noting(key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        asked.append((start, end))
        return opened(key, start, end)

    async with site.client() as client:
        spoken = await speak(client)
        monkeypatch.setattr(site.rig.store, "open", noting)
        answer = await client.get(f"/api/tts/audio/{spoken.headers['x-file-id']}", headers={"Range": "bytes=1000-1999"})
        assert (answer.status_code, answer.content) == (206, spoken.content[1000:2000])
        assert asked == [(1000, 2000)]


async def test_the_conflict_of_another_is_not_ones_own_outcome() -> None:
    site = Site()
    async with site.client() as client:
        site.busy = False
        mine = asyncio.create_task(speak(client))
        while len(site.asked) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0)
        site.waits.hear("failed", {
            "file_id": file_id("default", "r"), "code": "request_conflict", "message": "m", "content_sha256": "0" * 64,
        })  # fmt: skip
        await asyncio.sleep(0)
        await site.work()
        assert (await mine).status_code == 200


async def test_what_has_expired_is_gone_for_a_repeated_call_too() -> None:
    site = Site()
    async with site.client() as client:
        spoken = await speak(client, expiry_hours=0.00001)
        assert spoken.status_code == 200
        await asyncio.sleep(0.05)
        assert code(await client.get(f"/api/tts/audio/{spoken.headers['x-file-id']}")) == (410, "expired")
        assert code(await speak(client)) == (410, "expired")


async def test_audio_that_is_lost_is_spoken_again_when_its_request_comes_again() -> None:
    site = Site()
    async with site.client() as client:
        first = await speak(client)
        site.rig.store.delete(f"{first.headers['x-file-id']}.wav")
        again = await speak(client)
        assert (again.status_code, again.content) == (200, first.content)


async def test_metadata_read_while_the_file_was_deleted_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    async with site.client() as client:
        name = (await speak(client)).headers["x-file-id"]
        find = site.rig.files.find
        site.library.forget(name)

        def slow(asked: str) -> Any:
            found = find(asked)
            if site.rig.files.store.size(f"{name}.wav") is not None:
                site.delete(name)
            return found

        monkeypatch.setattr(site.rig.files, "find", slow)
        await client.get(f"/api/tts/audio/{name}/metadata")
        assert code(await client.get(f"/api/tts/audio/{name}/metadata")) == (410, "expired")


async def test_deletions_that_were_not_heard_are_found_after_the_log_is_back() -> None:
    site = Site()
    async with site.client() as client:
        name = (await speak(client)).headers["x-file-id"]
        assert (await client.get(f"/api/tts/audio/{name}/metadata")).status_code == 200
        site.delete(name, told=False)
        site.library.forget_all()
        assert code(await client.get(f"/api/tts/audio/{name}/metadata")) == (410, "expired")


async def test_a_broker_or_store_that_does_not_answer_is_told_as_such() -> None:
    site = Site()
    async with site.client() as client:
        name = (await speak(client)).headers["x-file-id"]
        site.writer.broken = KafkaConnectionError("gone")
        for answer in (await speak(client, "other"), await client.delete(f"/api/tts/audio/{name}")):
            assert code(answer) == (503, "internal")
            assert int(answer.headers["retry-after"]) > 0


async def test_a_broker_that_hangs_does_not_hold_the_call_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(TTS_SYNC_SECONDS="0.1")

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(site.writer, "write", hang)
    async with site.client() as client:
        assert code(await speak(client)) == (503, "internal")
    assert len(site.waits) == 0


async def test_the_preference_is_applied_only_where_it_was_one() -> None:
    site = Site(TTS_SYNC_SECONDS="0.05")
    site.busy = False
    async with site.client() as client:
        late = await speak(client)
        assert (late.status_code, "preference-applied" in late.headers) == (202, False)
        asked = await client.post(URL, json={"text": "Later."}, headers={"Prefer": "wait=5, respond-async"})
        assert (asked.status_code, asked.headers["preference-applied"]) == (202, "respond-async")


async def openai(client: httpx.AsyncClient, **more: object) -> httpx.Response:
    body = {"input": "Hello there.", "voice": "alloy", "model": "tone", "response_format": "wav"} | more
    return await client.post("/v1/audio/speech", json=body)


async def test_a_call_without_an_id_is_spoken_anew_once_the_last_is_over() -> None:
    site = Site()
    async with site.client() as client:
        first, repeated = await openai(client), await openai(client)
        assert repeated.headers["x-file-id"] == first.headers["x-file-id"]
        site.delete(first.headers["x-file-id"])
        again = await openai(client)
        assert again.status_code == 200
        assert again.headers["x-file-id"] != first.headers["x-file-id"]
        assert (await openai(client)).headers["x-file-id"] == again.headers["x-file-id"]
    assert len(site.asked) == 2


async def test_a_fault_that_passed_does_not_answer_the_same_call_for_an_hour() -> None:
    faults = [EngineTimeout("too slow")]

    def once(piece: Any) -> Any:
        if faults:
            raise faults.pop()
        return pool._engine.speak(piece)

    pool = InProcessPool(instead=once)
    site = Site(pool, TTS_SYNTHESIS_TRIES="1")
    async with site.client() as client:
        assert (await openai(client)).status_code == 504
        assert (await openai(client)).status_code == 200


async def test_a_store_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    site, asked = Site(), []

    def fail(name: str) -> None:
        asked.append(name)
        raise Unavailable("no")

    monkeypatch.setattr(site.rig.files, "find", fail)
    async with site.client() as client:
        assert (await openai(client)).status_code == 503
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8080"}, 200),
        ({"Origin": "https://app.example.com"}, 200),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "tts.example.com"}, 200),
        ({"Host": "evil.example.com"}, 403),
        ({"Host": "evil.example.com", "Origin": "http://evil.example.com"}, 403),
        ({"Host": "127.0.0.1.evil.example.com"}, 403),
        ({"Host": "[bad"}, 403),
    ],
)
async def test_pages_of_others_do_not_speak_through_the_browser_of_this_machine(
    headers: dict[str, str], status: int
) -> None:
    site = Site(TTS_CORS_ORIGINS="https://app.example.com", TTS_PUBLIC_URL="https://tts.example.com/")
    async with site.client() as client:
        answer = await client.post(URL, json={"text": "Hello there.", "model": "tone"}, headers=headers)
    assert answer.status_code == status
    assert len(site.asked) == (status == 200)
