"""The calls of the TTS backend API, spelled out: statuses, fields, headers."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime, timedelta

import httpx
import soundfile

from storage.records import file_id
from tests.http.test_jobs import job
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.scrape import scrape

METADATA = {
    "file_id", "file_path", "text", "model", "created_at", "expires_at", "expiry_hours", "file_size", "file_size_mb",
    "request_id", "tenant", "format", "sample_rate", "duration_seconds", "sha256", "pcm_sha256", "model_revision",
    "voice", "language", "synthesis", "metadata", "queue_seconds", "synthesis_seconds", "attempts", "worker", "cached",
    "pinned",
}  # fmt: skip


async def speak(client: httpx.AsyncClient, name: str, **fields: object) -> httpx.Response:
    body = {"text": f"This is {name}.", "model": "tone"} | fields
    return await client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": name})


async def test_the_synthesize_example(client: httpx.AsyncClient) -> None:
    body = {"text": "[05] Xin chào", "model": "auto", "store": True, "expiry_hours": 24, "return_audio": True}
    answer = await client.post("/api/tts/synthesize", json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    request_id, name = answer.headers["x-request-id"], answer.headers["x-file-id"]
    assert name == file_id("default", request_id)
    left = datetime.fromisoformat(answer.headers["x-expires-at"]) - datetime.now(UTC)
    assert timedelta(hours=23.9) < left <= timedelta(hours=24)
    assert soundfile.info(io.BytesIO(answer.content)).duration > 0.3
    metadata = (await client.get(f"/api/tts/audio/{name}/metadata")).json()
    assert metadata["success"] is True
    assert metadata["metadata"].keys() == METADATA | {"speaker_id"}
    assert (metadata["metadata"]["speaker_id"], metadata["metadata"]["language"]) == ("05", "vi")
    assert hashlib.sha256(answer.content).hexdigest() == metadata["metadata"]["sha256"]


async def test_metadata_instead_of_audio(client: httpx.AsyncClient) -> None:
    answer = await speak(client, "only-metadata", return_audio=False, metadata={"k": [1]})
    assert answer.status_code == 200
    assert answer.json().keys() == {"success", "metadata"}
    assert answer.json()["metadata"]["metadata"] == {"k": [1]}
    assert answer.headers["x-file-id"] == answer.json()["metadata"]["file_id"]


async def test_every_format_has_its_type(client: httpx.AsyncClient) -> None:
    types = {
        "flac": "audio/flac",
        "mp3": "audio/mpeg",
        "opus": "audio/ogg; codecs=opus",
        "ogg": "audio/ogg",
        "pcm": "audio/pcm",
    }
    for audio_format, media_type in types.items():
        answer = await speak(client, f"as-{audio_format}", format=audio_format)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


async def test_the_same_id_is_the_same_request(client: httpx.AsyncClient, site: Installation) -> None:
    first, second = await speak(client, "twice"), await speak(client, "twice")
    named = await client.post(
        "/api/tts/synthesize", json={"text": "This is twice.", "model": "tone"}, headers={"Idempotency-Key": "twice"}
    )
    assert first.content == second.content == named.content
    async with site.reader("requests") as reader:
        await reader.to_end()
        assert len([e for e in reader.events if e.record.key == b"twice"]) == 1
    other = await speak(client, "twice", text="Something else.")
    assert other.status_code == 409
    assert other.json() == {
        "success": False,
        "error": {"code": "request_conflict", "message": other.json()["error"]["message"], "request_id": "twice"},
    }


async def test_what_is_asked_at_once_is_spoken_once(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(speak(client, "at-once") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


async def test_a_call_need_not_wait(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/tts/synthesize",
        json={"text": "Later.", "model": "tone"},
        headers={"X-Request-ID": "later", "Prefer": "respond-async"},
    )
    assert answer.status_code == 202
    job = {"request_id": "later", "file_id": file_id("default", "later"), "status": "queued"}
    assert answer.json() == {"success": True, "job": job}

    async def there() -> bool:
        return (await client.get(answer.headers["location"])).status_code == 200

    await until(there, "the audio at Location")


async def test_bad_requests_are_refused_with_their_code_before_they_are_on_the_log(
    client: httpx.AsyncClient, site: Installation
) -> None:
    cases = [
        ({"text": ""}, 400, "invalid_request"),
        ({"text": 7}, 400, "invalid_request"),
        ({"text": "a" * 100_001}, 413, "text_too_long"),
        ({"expiry_hours": -1}, 400, "invalid_request"),
        ({"format": "aiff"}, 400, "unsupported_format"),
        ({"return_audio": "yes"}, 400, "invalid_request"),
        ({"request_id": "another"}, 400, "invalid_request"),
        ({"speed": 99}, 400, "invalid_request"),
    ]
    for number, (fields, status, code) in enumerate(cases):
        answer = await speak(client, f"bad-{number}", **fields)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), fields
    for content, status in ((b"not json", 400), (b"[1]", 400), (b"", 400), (b"{" + b" " * 2_000_000, 413)):
        assert (await client.post("/api/tts/synthesize", content=content)).status_code == status
    wrong = await client.post("/api/tts/synthesize", json={"text": "x"}, headers={"X-Request-ID": "a/../b"})
    assert wrong.status_code == 400
    assert wrong.headers["x-request-id"] == wrong.json()["error"]["request_id"] != "a/../b"
    async with site.reader("requests") as reader:
        await reader.to_end()
        assert not [e for e in reader.events if (e.record.key or b"").startswith(b"bad-")]


async def test_what_the_worker_refuses_comes_back_as_a_status(client: httpx.AsyncClient) -> None:
    for name, fields, code in (
        ("no-voice", {"voice": "nope"}, "unknown_voice"),
        ("no-model", {"model": "nope"}, "unknown_model"),
    ):
        answer = await speak(client, name, **fields)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
        assert "allowed" in answer.json()["error"]["message"] or "served" in answer.json()["error"]["message"]


async def test_audio_in_parts_and_only_if_it_is_new(client: httpx.AsyncClient) -> None:
    whole = await speak(client, "in-parts")
    url = f"/api/tts/audio/{whole.headers['x-file-id']}"
    size, etag = len(whole.content), whole.headers["etag"]
    for given, first, last in (
        ("0-3", 0, 3),
        (f"{size - 4}-", size - 4, size - 1),
        ("-4", size - 4, size - 1),
        ("5-999999999", 5, size - 1),
    ):
        answer = await client.get(url, headers={"Range": f"bytes={given}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert answer.content == whole.content[first : last + 1]
    beyond = await client.get(url, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for ignored in ("bytes=3-1", "lines=1-2", "bytes=0-1,3-4", "bytes=-"):
        assert (await client.get(url, headers={"Range": ignored})).status_code == 200
    stale = await client.get(url, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert stale.content == whole.content
    assert (await client.get(url, headers={"If-None-Match": f'"x", W/{etag}'})).status_code == 304
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


async def test_a_file_is_deleted_and_stays_so(client: httpx.AsyncClient) -> None:
    url = f"/api/tts/audio/{(await speak(client, 'deleted')).headers['x-file-id']}"
    assert (await client.get(url)).status_code == 200, "it is in the cache"
    answer = await client.delete(url)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "file_id": url.rpartition("/")[2]})
    for gone in (await client.get(url), await client.get(f"{url}/metadata"), await client.head(url)):
        assert gone.status_code == 410
    assert (await client.delete(url)).status_code == 200
    again = await speak(client, "deleted")
    assert (again.status_code, again.json()["error"]["code"]) == (410, "expired")


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    for name in ("0" * 32, "x", "..%2f..%2fetc%2fpasswd", "A" * 32, "0" * 33):
        for method, suffix in (("GET", ""), ("HEAD", ""), ("DELETE", ""), ("GET", "/metadata")):
            answer = await client.request(method, f"/api/tts/audio/{name}{suffix}")
            assert answer.status_code == 404, (method, name)
    assert (await client.get("/nowhere")).json()["error"]["code"] == "not_found"
    assert (await client.put("/api/tts/synthesize")).status_code == 405


async def test_expired_files_go_when_they_are_told_to(client: httpx.AsyncClient) -> None:
    url = f"/api/tts/audio/{(await speak(client, 'short', expiry_hours=0.0003)).headers['x-file-id']}"

    async def expired() -> bool:
        return (await client.get(url)).status_code == 410

    await until(expired, "its expiry")

    async def deleted() -> bool:
        answer = (await client.post("/api/tts/storage/cleanup")).json()
        assert answer.keys() == {"success", "cleanup"}
        assert answer["cleanup"].keys() == {"deleted_count", "deleted_size_mb", "cleanup_time"}
        result = (await job(client, "short")).get("result")
        return bool(result and result["delete_reason"] == "expired")

    await until(deleted, "a clean-up that finds it")


async def test_metrics_tell_of_the_gateway_and_of_the_installation(client: httpx.AsyncClient) -> None:
    await speak(client, "metrics")
    seen = await scrape(str(client.base_url))
    assert seen.value("loa_http_requests_total", method="POST", route="/api/tts/synthesize", status="200") >= 1
    assert seen.value("loa_http_request_duration_seconds_count", route="/api/tts/synthesize") >= 1
    assert (
        seen.value("loa_dependency_up", dependency="kafka") == seen.value("loa_dependency_up", dependency="index") == 1
    )
    assert seen.value("loa_group_members") == 1
    assert {"loa_group_lag_records", "loa_queued_speech_seconds"} <= seen.names

    async def known() -> bool:
        return bool((now := await scrape(str(client.base_url))).value("loa_store_bytes") and now.value("loa_jobs"))

    await until(known, "the index to hear of it, and the gateway to look again")


async def test_every_answer_is_named_and_safe(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/nowhere"), await client.get("/healthz"), await speak(client, "safe")):
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ok": True, "workers": 1})
    assert "safe" not in (await client.get("/metrics")).text, "no ids among the labels"
    assert "/api/tts/synthesize" in (await client.get("/docs")).text
