"""Jobs: whatever came to the log, by whichever door; listed, told, cancelled; and what is queued and stored."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.http.conftest import start_gateway
from tests.http.test_gateways import make_key
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, until

JOB = {
    *("request_id", "file_id", "tenant", "status", "priority", "progress", "chunk", "chunks", "attempts", "model"),
    *("voice", "language", "format", "characters", "metadata", "estimated_seconds", "pool", "worker", "source"),
    *("created_at", "started_at", "finished_at", "cancel_requested_at", "queue", "result", "error"),
}
RESULT = {
    *("audio_url", "format", "duration_seconds", "sample_rate", "file_size", "expires_at", "deleted_at"),
    "delete_reason",
}
STATS = {
    *("total_files", "total_size_mb", "expired_files", "expired_size_mb", "active_files", "deleted_files"),
    *("storage_dir", "jobs", "queued_seconds", "audio_seconds", "characters", "speed"),
}


def client_of(address: str, **more: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=PATIENCE, **more)


async def job(client: httpx.AsyncClient, request_id: str, **params: str) -> dict[str, Any]:
    """The job; empty where it is not known (yet)."""
    answer = await client.get(f"/api/tts/jobs/{request_id}", params=params)
    return answer.json()["job"] if answer.status_code == 200 else {}


async def job_once(client: httpx.AsyncClient, request_id: str, status: str) -> dict[str, Any]:
    async def so() -> bool:
        return (await job(client, request_id)).get("status") == status

    await until(so, f"{request_id} is {status}")
    return await job(client, request_id)


async def test_a_call_that_does_not_wait_is_a_job_at_once(client: httpx.AsyncClient) -> None:
    body = {"text": "Tell me later.", "model": "tone", "metadata": {"order": 7}}
    headers = {"X-Request-ID": "told-later", "Prefer": "respond-async"}
    answer = await client.post("/api/tts/synthesize", json=body, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/tts/jobs/told-later")
    assert (await client.get(answer.headers["location"])).status_code == 200, "there when it is named"
    done = await job_once(client, "told-later", "completed")
    assert done.keys() == JOB and done["result"].keys() == RESULT
    assert (done["progress"], done["metadata"], done["error"], done["queue"]) == (1.0, {"order": 7}, None, None)
    audio = await client.get(done["result"]["audio_url"])
    assert len(audio.content) == done["result"]["file_size"]


async def test_bare_records_are_jobs_too(client: httpx.AsyncClient, site: Installation) -> None:
    good, bad = await site.produce({"text": "Said by Kafka.", "model": "tone"}, {"text": "x", "model": "nobody"})
    done, failed = await job_once(client, good, "completed"), await job_once(client, bad, "failed")
    assert done["source"] == done["request_id"] == good
    assert failed.keys() == JOB and failed["result"] is None
    assert failed["error"]["code"] == "unknown_model" and not failed["error"]["retryable"]
    listed = (await client.get("/api/tts/jobs", params={"status": "failed", "limit": 200})).json()["jobs"]
    assert bad in [each["request_id"] for each in listed] and {each["status"] for each in listed} == {"failed"}


async def test_pages_follow_each_other(client: httpx.AsyncClient, site: Installation) -> None:
    names = await site.produce(*({"text": f"Page {n}.", "model": "tone"} for n in range(7)))
    for name in names:
        await job_once(client, name, "completed")
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = (await client.get("/api/tts/jobs", params={"model": "tone", "limit": 3, **cursor})).json()
        found += [each["request_id"] for each in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert set(names) <= set(found) and len(found) == len(set(found))


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/tts/jobs?status=lost", 400, "status"),
        ("/api/tts/jobs?limit=0", 400, "limit"),
        ("/api/tts/jobs?limit=100000", 400, "limit"),
        ("/api/tts/jobs?cursor=nonsense", 400, "cursor"),
        ("/api/tts/jobs?since=yesterday", 400, "since"),
        ("/api/tts/jobs/none-such", 404, "none-such"),
        ("/api/tts/jobs/%00", 400, "request_id"),
        ("/api/tts/jobs/-wrong", 400, "request_id"),
        ("/api/tts/dlq?limit=0", 400, "limit"),
    ],
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, path: str, status: int, says: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


async def test_statistics_have_their_fields(client: httpx.AsyncClient, site: Installation) -> None:
    told = (await client.get("/api/tts/storage/stats")).json()["stats"]
    assert told.keys() == STATS
    assert told["storage_dir"] == str(site.storage)


async def test_a_queue_has_places_a_limit_and_a_way_out(loa: Installation) -> None:
    await loa.create_topics()
    _, address = start_gateway(loa, TTS_SYNC_SECONDS="1", TTS_MAX_QUEUED_SECONDS="4")
    async with client_of(address) as client:

        async def ask(request_id: str, **more: Any) -> httpx.Response:
            body = {"text": "Some seconds of speech are queued here.", "model": "tone"} | more
            headers = {"X-Request-ID": request_id, "Prefer": "respond-async"}
            return await client.post("/api/tts/synthesize", json=body, headers=headers)

        for name in ("first", "second"):
            assert (await ask(name)).status_code == 202

        async def full() -> bool:
            return (await ask("second")).status_code == 429

        assert (await job(client, "first"))["queue"]["position"] == 1
        behind = (await job(client, "second"))["queue"]
        assert behind["position"] == 2 and behind["seconds_ahead"] > 0
        await until(full, "no more is taken")
        refused = await ask("third")
        assert refused.json()["error"]["code"] == "too_many_requests"
        assert int(refused.headers["retry-after"]) > 0
        assert (await ask("may-wait", priority="bulk")).status_code == 202, "another lane"

        ended = await client.delete("/api/tts/jobs/second")
        assert ended.status_code == 202, "nobody is there yet to end it"
        assert ended.json()["job"]["cancel_requested_at"] or ended.json()["job"]["status"] == "queued"
        await loa.worker()
        assert (await job_once(client, "second", "cancelled"))["error"]["code"] == "cancelled"
        assert (await client.delete("/api/tts/jobs/second")).status_code == 200, "again, and it is so"
        await job_once(client, "first", "completed")
        late = await client.delete("/api/tts/jobs/first")
        assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
        assert (await client.delete("/api/tts/jobs/nobody")).status_code == 404


async def test_tenants_have_jobs_of_their_own(loa: Installation) -> None:
    loa.more = {"TTS_API_KEYS_FILE": str(loa.folder / "keys.json")}
    keys = {name: (await make_key(loa, "--tenant", name))["key"] for name in ("acme", "globex")}
    boss = (await make_key(loa, "--tenant", "ops", "--scope", "admin"))["key"]
    await loa.create_topics()
    _, address = start_gateway(loa)
    headers = {name: {"X-API-Key": key} for name, key in keys.items()} | {"boss": {"X-API-Key": boss}}
    async with client_of(address) as client:
        for name in keys:
            async_call = headers[name] | {"Prefer": "respond-async", "X-Request-ID": "same"}
            body = {"text": f"Of {name}.", "model": "tone"}
            assert (await client.post("/api/tts/synthesize", json=body, headers=async_call)).status_code == 202
            listed = (await client.get("/api/tts/jobs", headers=headers[name])).json()["jobs"]
            assert [each["tenant"] for each in listed] == [name]
            assert (await client.get("/api/tts/storage/stats", headers=headers[name])).json()["stats"][
                "storage_dir"
            ] is None
        listed = (await client.get("/api/tts/jobs", headers=headers["boss"])).json()["jobs"]
        assert {each["tenant"] for each in listed} == set(keys)
        theirs = {"tenant": "globex"}
        assert (await client.get("/api/tts/jobs/same", params=theirs, headers=headers["acme"])).status_code == 404
        assert (await client.delete("/api/tts/jobs/same", params=theirs, headers=headers["acme"])).status_code == 404
        assert (await client.get("/api/tts/jobs/same", params=theirs, headers=headers["boss"])).status_code == 200
        for path in ("/api/tts/workers", "/api/tts/queue", "/api/tts/dlq"):
            assert (await client.get(path, headers=headers["acme"])).status_code == 403
        assert (await client.get("/api/tts/jobs")).status_code == 401


async def test_workers_and_dead_letters(loa: Installation) -> None:
    worker = await loa.worker()
    _, address = start_gateway(loa)
    places = await loa.produce({"text": "A voice is missing.", "model": "espeak"}, b"no json")
    await loa.settled()
    async with client_of(address) as client:
        told = (await client.get("/api/tts/workers")).json()
        assert [each["host"] for each in told["workers"]] == ["127.0.0.1"]
        assert sorted(told["workers"][0]["partitions"][loa.topic("requests")]) == [0, 1, 2]
        assert told["lag"]["requests"] == 0
        dead = (await client.get("/api/tts/dlq")).json()
        assert {(each["place"], each["code"]) for each in dead["letters"]} == {
            (places[0], "unknown_model"),
            (places[1], "invalid_request"),
        }
        assert (
            dead["total"] == 2
            and "A voice is missing." in dead["letters"][-1]["preview"] + dead["letters"][0]["preview"]
        )
        worker.kill()
        await loa.worker(TTS_MODELS="tone,espeak")
        back = await client.post("/api/tts/dlq/redrive", json={"requests": [places[0]]})
        assert back.json()["redriven"] == [{"request_id": places[0], "tenant": "default", "attempt": 2}]
        await job_once(client, places[0], "completed")
        after = (await client.get("/api/tts/storage/stats")).json()["stats"]
        assert after["total_files"] == after["jobs"]["completed"] == 1 and after["total_size_mb"] > 0
        assert [each["place"] for each in (await client.get("/api/tts/dlq")).json()["letters"]] == [places[1]]
        for body in ({}, {"requests": []}, {"requests": "all"}, {"requests": [1]}):
            assert (await client.post("/api/tts/dlq/redrive", json=body)).status_code == 400
        assert (await client.post("/api/tts/dlq/redrive", json={"requests": ["nobody"]})).status_code == 404
