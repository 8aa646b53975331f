"""A tenant whose quota is used up is told so at once, and until when; what it has is still given."""

from pathlib import Path
from typing import Any

import httpx

from streams.gateway.keys import Scope, create
from tests.gateway.rig import Site

SENTENCE = "One sentence, which takes some seconds to be spoken by the tone."


async def speak(client: httpx.AsyncClient, name: str, **fields: object) -> httpx.Response:
    body = {"text": SENTENCE, "model": "tone"} | fields
    return await client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": name})


async def used_up(client: httpx.AsyncClient, **fields: object) -> httpx.Response:
    """Speak until it is refused."""
    for number in range(100):
        answer = await speak(client, f"r{number}", **fields)
        if answer.status_code != 200:
            return answer
    raise AssertionError("a hundred were spoken")


async def test_who_has_used_up_the_day_is_told_when_to_come_again() -> None:
    site = Site(TTS_QUOTA_SPEECH_SECONDS="*=20")
    async with site.client() as client:
        refused = await used_up(client)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
        told = len(site.asked)
        quota = (await client.get("/api/tts/quota")).json()["quota"]
        assert quota["speech_limit_seconds"] == 20 and quota["stored_limit_mb"] is None
        assert 10 < quota["speech_used_seconds"] <= 21
        site.rig.quotas._in_hand["default"] = 20.0  # as if all the rest was being spoken
        for answer in (
            await speak(client, "early"),
            await speak(client, "early-stream", stream=True),
            await client.post("/v1/audio/speech", json={"input": SENTENCE, "model": "tone", "voice": "alloy"}),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_exceeded")
            assert 0 < int(answer.headers["retry-after"]) <= 86_400
        assert len(site.asked) == told, "none of them was put on the log"
        assert (await speak(client, "r0")).status_code == 200, "what was spoken before is there"


async def test_who_has_stored_too_much_has_to_delete_first() -> None:
    site = Site(TTS_QUOTA_STORED_MB="*=0.2")
    async with site.client() as client:
        refused = await used_up(client)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
        assert "MiB stored" in refused.json()["error"]["message"] and "retry-after" not in refused.headers
        quota = (await client.get("/api/tts/quota")).json()["quota"]
        assert quota["stored_used_mb"] >= quota["stored_limit_mb"] == 0.2


async def test_each_sees_its_own_quota(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = {name: create(path, name, [scope])[0] for name, scope in (("acme", Scope.READ), ("boss", Scope.ADMIN))}
    site = Site(TTS_API_KEYS_FILE=str(path), TTS_QUOTA_SPEECH_SECONDS="acme=5")
    async with site.client() as client:

        async def asked(name: str, **query: Any) -> httpx.Response:
            return await client.get("/api/tts/quota", params=query, headers={"X-API-Key": keys[name]})

        own, other, wrong = await asked("acme"), await asked("acme", tenant="boss"), await asked("boss", tenant="a b")
        assert own.json()["quota"]["speech_limit_seconds"] == 5.0
        assert (other.status_code, wrong.status_code) == (404, 400)
        assert (await asked("boss", tenant="acme")).json()["quota"] == own.json()["quota"]
        assert (await asked("boss")).json()["quota"]["speech_limit_seconds"] is None
        assert (await client.get("/api/tts/quota")).status_code == 401
