"""Streams of events: as things happen, from where another stream ended, at another gateway, over a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.http.conftest import start_gateway
from tests.http.sse import EventStream
from tests.http.test_gateways import make_key
from tests.http.test_jobs import client_of, job_once
from tests.kafka.installation import Installation

SYNC_CALLS, STREAMS = 50, 20


async def say(client: httpx.AsyncClient, request_id: str, **more: Any) -> httpx.Response:
    body = {"text": f"This is {request_id}.", "model": "tone"}
    return await client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": request_id}, **more)


async def test_what_happens_is_told_and_can_be_gone_on_with(
    served: tuple[Installation, str], client: httpx.AsyncClient
) -> None:
    site, address = served
    _, other = start_gateway(site)
    ours = ["seen-1", "missed-1", "missed-2", "seen-2"]
    async with EventStream(address).following() as first:
        assert (await say(client, "seen-1")).status_code == 200
        await first.until_told("seen-1")
        assert [name for name in first.of("progress") if name in ours][:1] == ["seen-1"]
    await say(client, "missed-1")
    await say(client, "missed-2")
    async with EventStream(other, first.last_id, params={"type": "completed"}).following() as second:
        await second.until_told("missed-1", "missed-2")
        await say(client, "seen-2")
        await second.until_told("seen-2")
        assert Counter(name for name in second.of("completed") if name in ours) == Counter(ours[1:])
        assert {name for name, _ in second.events} == {"completed"}
    async with EventStream(address, second.last_id, params={"request_id": "seen-3"}).following() as third:
        await say(client, "not-wanted")
        await say(client, "seen-3")
        await third.until("completed", 1)
        assert {event["request_id"] for _, event in third.events} == {"seen-3"}


@pytest.mark.parametrize("wrong", ["nonsense", "AQAA", "~", "A" * 5000])
async def test_an_id_of_nowhere_is_refused(client: httpx.AsyncClient, wrong: str) -> None:
    answer = await client.get("/api/tts/events", headers={"Last-Event-ID": wrong})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


async def test_streams_tell_each_tenant_its_own(loa: Installation) -> None:
    loa.more = {"TTS_API_KEYS_FILE": str(loa.folder / "keys.json")}
    keys = {name: {"X-API-Key": (await make_key(loa, "--tenant", name))["key"]} for name in ("acme", "globex")}
    await loa.worker()
    _, address = start_gateway(loa)
    async with client_of(address) as client, EventStream(address, headers=keys["acme"].copy()).following() as mine:
        for name in ("globex", "acme"):
            body = {"text": f"Of {name}.", "model": "tone"}
            assert (await client.post("/api/tts/synthesize", json=body, headers=keys[name])).status_code == 200
        await mine.until("completed", 1)
        assert {event["tenant"] for _, event in mine.events} == {"acme"}
        assert (await client.get("/api/tts/events")).status_code == 401


async def test_one_of_two_gateways_is_killed_and_nothing_is_missed(loa: Installation) -> None:
    """Calls and streams through the one do not notice the other's end; those of the other go on at the one."""
    await loa.worker()
    one, one_address = start_gateway(loa)
    other, other_address = start_gateway(loa)
    streams = [EventStream(one_address) for _ in range(STREAMS)]
    cut = EventStream(other_address)
    names = [f"call-{number}" for number in range(SYNC_CALLS)]
    async with asyncio.timeout(300), client_of(one_address, limits=httpx.Limits(max_connections=None)) as client:
        following = [asyncio.create_task(stream.follow()) for stream in streams]
        cutting = asyncio.create_task(cut.follow())
        await asyncio.gather(*(stream.begun.wait() for stream in (*streams, cut)))
        calls = [asyncio.create_task(say(client, name)) for name in names]
        await streams[0].until("completed", 5)
        other.kill()
        await asyncio.gather(cutting, return_exceptions=True)
        assert [answer.status_code for answer in await asyncio.gather(*calls)] == [200] * SYNC_CALLS
        for stream in streams:
            await stream.until("completed", SYNC_CALLS)
            assert Counter(stream.of("completed")) == Counter(names)
        async with EventStream(one_address, cut.last_id).following() as rest:
            await rest.until("completed", SYNC_CALLS - len(cut.of("completed")))
            assert Counter(cut.of("completed") + rest.of("completed")) == Counter(names)
        # A gateway that begins again is as good as one that was there all the time.
        _, again = start_gateway(loa)
        async with client_of(again) as late:
            for name in names:
                await job_once(late, name, "completed")
            jobs = [(await each.get("/api/tts/jobs", params={"limit": 200})).json()["jobs"] for each in (client, late)]
            assert jobs[0] == jobs[1] and len(jobs[0]) == SYNC_CALLS
        # Told to stop, it ends its streams, and in order.
        one.ctrl_c()
        await asyncio.gather(*following)
        assert await one.status() == 0
