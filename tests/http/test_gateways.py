"""Gateways of their own: keys and tenants, doors, callers that leave, workers that are not there, a restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
import orjson

from tests.http.conftest import start_gateway
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, until


async def make_key(site: Installation, *arguments: str) -> dict[str, str]:
    command = site.run("keys", "create", *arguments)
    assert await command.status() == 0, command.said
    return command.lines[0]


async def test_a_tenant_sees_only_its_own(loa: Installation) -> None:
    loa.more = {"TTS_API_KEYS_FILE": str(loa.folder / "keys.json")}
    acme = await make_key(loa, "--tenant", "acme")
    other = await make_key(loa, "--tenant", "globex", "--scope", "read", "--scope", "speak")
    reader = await make_key(loa, "--tenant", "acme", "--scope", "read")
    boss = await make_key(loa, "--tenant", "ops", "--scope", "admin")
    assert acme["key"] not in (loa.folder / "keys.json").read_text(), "only its hash is kept"
    await loa.worker()
    _, address = start_gateway(loa)

    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:

        async def call(key: dict[str, str] | None, method: str, path: str, **more: object) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key['key']}"} if key else {}
            return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        async def speak(key: dict[str, str] | None, **fields: object) -> httpx.Response:
            body = {"text": "Whose is it?", "model": "tone"} | fields
            return await call(key, "POST", "/api/tts/synthesize", json=body, headers={"X-Request-ID": "same-id"})

        assert (await speak(None)).status_code == 401
        assert (await speak({"key": acme["key"][:-1] + "x"})).status_code == 401
        assert (await speak(reader)).status_code == 403
        mine = await speak(acme)
        assert mine.status_code == 200
        theirs = await speak(other, text="The same id, another tenant.")
        assert theirs.status_code == 200
        assert theirs.headers["x-file-id"] != mine.headers["x-file-id"]
        assert (await speak(acme, tenant="globex")).status_code == 400
        url = f"/api/tts/audio/{mine.headers['x-file-id']}"
        assert [(await call(key, "GET", url)).status_code for key in (acme, reader, boss, other)] == [
            200,
            200,
            200,
            404,
        ]
        unknown = await call(other, "GET", f"/api/tts/audio/{'0' * 32}")
        hidden = await call(other, "GET", url)
        assert hidden.json()["error"]["code"] == unknown.json()["error"]["code"]
        assert (await call(other, "DELETE", url)).status_code == 404
        assert (await call(acme, "POST", "/api/tts/storage/cleanup")).status_code == 403
        assert (await call(boss, "POST", "/api/tts/storage/cleanup")).status_code == 200
        assert (await call(acme, "GET", url)).status_code == 200, "still there"
        for path in ("/healthz", "/readyz"):
            assert (await call(None, "GET", path)).status_code == 200

        assert await loa.run("keys", "revoke", acme["id"]).status() == 0
        assert (await call(acme, "GET", url)).status_code == 401
        listed = loa.run("keys", "list", "--json")
        assert await listed.status() == 0
        assert [line["tenant"] for line in listed.lines] == ["globex", "acme", "ops"]
        assert await loa.run("keys", "revoke", acme["id"]).status() == 1


def test_a_gateway_has_neither_torch_nor_faust() -> None:
    code = "import sys, streams.gateway.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "streams.gateway.live" in loaded
    assert not {"torch", "faust", "streams.agents"} & set(loaded)


async def test_doors_that_stay_closed(loa: Installation) -> None:
    await loa.create_topics()
    process, address = start_gateway(loa)
    port = address.rpartition(":")[2]
    for arguments, said in (
        (("--host", "0.0.0.0"), "API keys"),
        (("--port", port), "give another"),
    ):
        refused = loa.run("gateway", *arguments)
        assert await refused.status() == 2
        assert said in refused.said and "Traceback" not in refused.said
    missing = loa.run("gateway", "--port", "0", TTS_API_KEYS_FILE="/nowhere/keys.json")
    assert await missing.status() == 2
    process.ctrl_c()
    assert await process.status() == 0


async def test_without_a_worker_a_call_is_kept_and_answered_later(loa: Installation) -> None:
    await loa.create_topics()
    first, address = start_gateway(loa, TTS_SYNC_SECONDS="0.5")
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "no worker is there")
        answer = await client.post(
            "/api/tts/synthesize", json={"text": "Patience.", "model": "tone"}, headers={"X-Request-ID": "patient"}
        )
        assert answer.status_code == 202
        first.kill()
    await loa.worker()
    _, address = start_gateway(loa)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:

        async def there() -> bool:
            return bool((await client.get(answer.headers["location"])).json()["job"]["status"] == "completed")

        await until(there, "it is spoken, as another gateway tells")
        assert (await client.get(f"/api/tts/audio/{answer.json()['job']['file_id']}")).status_code == 200


async def test_who_leaves_cancels_only_what_nobody_can_fetch(loa: Installation) -> None:
    await loa.create_topics()
    _, address = start_gateway(loa)
    async with loa.reader("requests", "commands") as reader:
        for name, store in (("kept", True), ("dropped", False)):
            body = {"text": "Nobody waits for me.", "model": "tone", "store": store}
            async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
                call = asyncio.create_task(
                    client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": name})
                )
                await reader.until(lambda name=name: reader.of("requests", request_id=name), "the request on the log")
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
        await reader.until(lambda: reader.of("commands"), "the cancellation")
        assert [event["request_id"] for event in reader.of("commands")] == ["dropped"]
    await loa.worker()
    async with loa.reader("completed", "failed") as outcomes:
        await outcomes.answered("kept", "dropped")
        assert {e["request_id"]: e.short for e in outcomes.events} == {"kept": "completed", "dropped": "failed"}


async def test_too_many_at_once_are_told_when_to_come_again(loa: Installation) -> None:
    await loa.create_topics()
    _, address = start_gateway(loa, TTS_MAX_WAITS="1", TTS_SYNC_SECONDS="20")
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client, loa.reader("requests") as reader:
        body = orjson.dumps({"text": "Wait.", "model": "tone"})
        waiting = asyncio.create_task(client.post("/api/tts/synthesize", content=body))
        await reader.until(lambda: len(reader.events) == 1, "one that waits")
        answer = await client.post("/api/tts/synthesize", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_requests")
        assert int(answer.headers["retry-after"]) > 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
