"""A gateway counts what the log has told before it was started, and what it tells since."""

from __future__ import annotations

import httpx

from tests.http.conftest import start_gateway
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, until


async def test_a_gateway_that_is_started_later_knows_what_was_used(
    client: httpx.AsyncClient, site: Installation
) -> None:
    async def speak(to: httpx.AsyncClient, name: str) -> httpx.Response:
        body = {"text": f"A sentence that is counted, {name}.", "model": "tone", "tenant": "counted"}
        return await to.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": name})

    assert (await speak(client, "before-the-gateway")).status_code == 200
    process, address = start_gateway(site, TTS_QUOTA_SPEECH_SECONDS="counted=3", TTS_QUOTA_STORED_MB="counted=1")
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as late:

        async def used() -> float:
            quota = (await late.get("/api/tts/quota", params={"tenant": "counted"})).json()["quota"]
            return float(quota["speech_used_seconds"])

        await until(used, "what was spoken before is counted")
        before = await used()
        assert (await speak(client, "beside-the-gateway")).status_code == 200

        async def more() -> bool:
            return await used() > max(before, 3.0)

        await until(more, "what another gateway asked for is counted")
        refused = await speak(late, "beyond")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
        assert int(refused.headers["retry-after"]) > 0
    process.end()
