"""What an autoscaler is told, by the gateway, its metrics and the command line."""

from __future__ import annotations

import math
import re
from typing import Any

import httpx
import pytest

from tests.http.conftest import start_gateway
from tests.http.test_jobs import client_of
from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import until

TEXTS = 12
LONG = "Here are some seconds of speech that somebody has to wait for."


async def told(client: httpx.AsyncClient, **params: float) -> dict[str, Any]:
    queue: dict[str, Any] = (await client.get("/api/tts/queue", params=params)).json()["queue"]
    return queue


async def by_command(loa: Installation) -> tuple[dict[str, Any], str]:
    command = loa.run("queue", "--json", "--within", "5")
    assert await command.status() == 0, command.said
    return command.lines[0], command.said


async def test_queued_speech_asks_for_workers_until_it_is_spoken(loa: Installation) -> None:
    await loa.create_topics()
    requests = [{"text": LONG, "model": "tone", "priority": ("interactive", "bulk")[n % 2]} for n in range(TEXTS)]
    await loa.produce(*requests)
    gateway, address = start_gateway(loa)
    async with client_of(address) as client:

        async def lanes() -> bool:
            return all(seconds > 10 for seconds in (await told(client))["lanes"].values())

        await until(lanes, "what is on the log is queued")
        before = await told(client, within=5)
        assert before["queued_seconds"] == pytest.approx(sum(before["lanes"].values()), abs=0.01)
        assert (before["workers"], before["partitions"], before["worker_speed"]) == (0, PARTITIONS, None)
        assert before["seconds_per_worker"] == before["queued_seconds"]
        assert before["recommended_workers"] == min(PARTITIONS, math.ceil(before["queued_seconds"] / 5))
        assert (await told(client, within=86_400))["recommended_workers"] == 1
        metrics = (await client.get("/metrics")).text
        shown = {
            lane: float(re.findall(f'loa_queued_speech_seconds{{lane="{lane}"}} (.*)', metrics)[0])
            for lane in before["lanes"]
        }
        assert shown == pytest.approx(before["lanes"], abs=0.01)
        assert await by_command(loa) == (before, "")

        await loa.worker()

        async def done() -> bool:
            return (await told(client))["queued_seconds"] == 0

        await until(done, "all is spoken")
        after = await told(client, within=5)
        assert (after["workers"], after["recommended_workers"]) == (1, 0)
        assert after["worker_speed"] > 0
        assert (await by_command(loa))[0]["worker_speed"] > 0
        for wrong in ("0", "-1", "nan", "soon"):
            answer = await client.get("/api/tts/queue", params={"within": wrong})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    gateway.kill()
    await loa.produce({"text": LONG, "model": "tone"})
    assert "has not read 1 records" in (await by_command(loa))[1], "without a gateway nobody tells the index"
