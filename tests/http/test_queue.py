"""What an autoscaler is told, by the gateway, its metrics and the command line."""

from __future__ import annotations

import math
import re
from typing import Any

import httpx
import pytest

from tests.http.conftest import start_gateway
from tests.http.test_jobs import client_of
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import until

TEXTS = 12
LONG = "Here are some seconds of speech that somebody has to wait for."


async def told(client: httpx.AsyncClient, **params: float | str) -> dict[str, Any]:
    queue: dict[str, Any] = (await client.get("/api/tts/queue", params=params)).json()["queue"]
    return queue


async def by_command(loa: Installation, *more: str) -> tuple[dict[str, Any], str]:
    command = loa.run("queue", "--json", "--within", "5", *more)
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
            lane: float(re.findall(f'loa_queued_speech_seconds{{lane="{lane}",pool=""}} (.*)', metrics)[0])
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
        for wrong in ("0", "-1", "nan", "soon", "5e-324"):
            answer = await client.get("/api/tts/queue", params={"within": wrong})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
            refused = loa.run("queue", "--within", wrong)
            assert await refused.status() == 2 and "--within" in refused.said and "Traceback" not in refused.said
    gateway.kill()
    await loa.produce({"text": LONG, "model": "tone"})
    assert "has not read 1 records" in (await by_command(loa))[1], "without a gateway nobody tells the index"


async def test_each_pool_has_a_queue_of_its_own(new_loa: NewLoa) -> None:
    loa = new_loa(TTS_ROUTES="espeak=voices")
    await loa.worker()
    _, address = start_gateway(loa)
    await loa.produce(*({"text": LONG, "model": "espeak"} for _ in range(TEXTS)))
    async with client_of(address) as client:

        async def moved() -> bool:
            queues = [await told(client, pool=pool) for pool in ("", "voices")]
            return queues[0]["queued_seconds"] == 0 and queues[1]["queued_seconds"] > 10

        await until(moved, "the worker has moved what it does not speak")
        asked, together = await told(client, pool="voices", within=5), await told(client, within=5)
        assert (asked["pool"], asked["workers"], asked["partitions"]) == ("voices", 0, PARTITIONS)
        assert (together["pool"], together["workers"], together["partitions"]) == (None, 1, 2 * PARTITIONS)
        assert asked["recommended_workers"] > 0 == (await told(client, pool=""))["recommended_workers"]
        assert await by_command(loa, "--pool", "voices") == (asked, "")
        metrics = (await client.get("/metrics")).text
        shown = dict(re.findall(r'loa_queued_speech_seconds{lane="interactive",pool="(.*)"} (.*)', metrics))
        assert {pool: float(seconds) > 0 for pool, seconds in shown.items()} == {"": False, "voices": True}
        answer = await client.get("/api/tts/queue", params={"pool": "gpu"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert "'gpu' is none of '', 'voices'" in answer.json()["error"]["message"]
        wrong = loa.run("queue", "--pool", "gpu")
        assert await wrong.status() == 2 and "TTS_ROUTES" in wrong.said

        await loa.worker(TTS_POOL="voices", TTS_MODELS="espeak")

        async def spoken() -> bool:
            return (await told(client, pool="voices"))["queued_seconds"] == 0

        await until(spoken, "all is spoken")
        after = await told(client, pool="voices")
        assert (after["workers"], after["worker_speed"] > 0) == (1, True)
        assert (await told(client, pool=""))["worker_speed"] is None, "the others have not spoken"
