"""Two pools of workers: each speaks its models, and gives away what was written to the wrong topic."""

from __future__ import annotations

import signal
from typing import Any

import orjson
import pytest

from streams.headers import ROUTED
from streams.kafka import EventWriter
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.readers.group import lag, members
from streams.readers.reconcile import Reconciler
from streams.settings import load
from streams.topics import Topics
from tests.http.conftest import start_gateway
from tests.http.test_jobs import client_of, job_once
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import Installation
from tests.kafka.processes import Loa
from tests.kafka.test_audit import audited
from tests.kafka.test_audit_damage import skip

ROUTES = "espeak=voices,hibari=voices"
VOICES = {"TTS_POOL": "voices", "TTS_MODELS": "espeak"}


@pytest.fixture
async def loa(new_loa: NewLoa) -> Installation:
    made = new_loa(TTS_ROUTES=ROUTES, TTS_RETRY_DELAY_SECONDS="0.2")
    await made.create_topics()
    return made


async def ask(loa: Installation, short: str, name: str, **fields: Any) -> None:
    await loa.write(short, [(name.encode(), orjson.dumps({"request_id": name, "text": "Hello."} | fields), [])])


async def both(loa: Installation) -> tuple[Loa, Loa]:
    return await loa.worker(), await loa.worker(**VOICES)


async def test_what_is_on_the_wrong_topic_is_moved_and_spoken(loa: Installation) -> None:
    await both(loa)
    await ask(loa, "requests", "moved", model="espeak")
    await ask(loa, "requests", "by-voice", voice="espeak/en-us", priority="bulk")
    await ask(loa, "requests.voices.bulk", "back", model="tone")
    await ask(loa, "requests.voices", "right", model="espeak")
    await ask(loa, "requests", "not-served", model="hibari")
    await ask(loa, "requests.voices", "nobody", model="nobody")
    (nameless,) = await loa.produce({"text": "Named by its first place.", "model": "espeak"})
    async with loa.reader("completed", "failed", "requests.voices", "requests.voices.bulk", "requests.bulk") as reader:
        outcomes = await reader.answered("moved", "by-voice", "back", "right", "not-served", "nobody", nameless)
        await loa.settled()
        await reader.to_end()
        said = {name: {e.fields.get("code", e.fields.get("model")) for e in es} for name, es in outcomes.items()}
        copies = {e["request_id"]: e.short for e in reader.events if e.headers.get(ROUTED) and "request_id" in e.fields}
    spoken = {name: {"espeak"} for name in ("moved", "by-voice", "right", nameless)}
    refused = {name: {"unknown_model"} for name in ("not-served", "nobody")}
    assert said == spoken | refused | {"back": {"tone"}}
    lanes = {"moved": "requests.voices", "by-voice": "requests.voices.bulk", "back": "requests.bulk"}
    assert copies == lanes | {"not-served": "requests.voices"}  # `nobody` was moved to a topic that is not read here
    report = await audited(loa)
    assert report.findings == {} and report.counts["requests"] == 7
    settings = load(loa.settings)
    behind = await lag(settings)
    assert not any(behind.values()) and {"requests.voices", "requests.voices.retry"} < behind.keys()
    assert len(await members(settings)) == 2


async def test_gateway_and_command_write_to_the_right_topic(loa: Installation) -> None:
    await both(loa)
    _, address = start_gateway(loa)
    async with client_of(address) as client:
        body = {"text": "By HTTP.", "model": "espeak"}
        assert (await client.post("/api/tts/synthesize", json=body)).status_code == 200
        headers = {"X-Request-ID": "waiting", "Prefer": "respond-async"}
        more = body | {"priority": "bulk"}
        assert (await client.post("/api/tts/synthesize", json=more, headers=headers)).status_code == 202
        assert (await job_once(client, "waiting", "completed"))["priority"] == "bulk"
    command = loa.run("say", "By command.", "--model", "espeak", "--json")
    assert await command.status() == 0, command.said
    ends = {short: sum((await loa.ends(short)).values()) for short in ("requests", "requests.voices")}
    assert ends == {"requests": 0, "requests.voices": 2}
    assert sum((await loa.ends("requests.voices.bulk")).values()) == 1


async def test_a_worker_that_dies_after_it_has_moved_a_request_leaves_one_result(loa: Installation) -> None:
    dying = await loa.worker(LOA_CRASH_AT="routed")
    await ask(loa, "requests", "moved", model="espeak")
    assert await dying.status() == -signal.SIGKILL
    await both(loa)
    async with loa.reader("completed", "failed", "requests.voices") as reader:
        outcomes = await reader.answered("moved")
        await loa.settled()
        await reader.to_end()
        assert len(reader.of("requests.voices")) == 2, "moved again, since its offset was not committed"
    assert {(e.short, e.ce_id, e["sha256"]) for e in outcomes["moved"]} == {
        ("completed", outcomes["moved"][0].ce_id, outcomes["moved"][0]["sha256"])
    }
    assert (await audited(loa)).findings == {}


async def test_what_a_pool_passed_without_an_outcome_comes_back_there(loa: Installation) -> None:
    await ask(loa, "requests.voices", "skipped", model="espeak")
    await skip(loa, "voices")
    settings = load(loa.settings)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    try:
        assert await Reconciler(settings, writer, Metrics(Part.RECONCILER), grace=0).once() == 1
    finally:
        await writer.stop()
    await loa.worker(**VOICES)
    async with loa.reader("completed", "failed") as reader:
        assert [e["model"] for e in (await reader.answered("skipped"))["skipped"]] == ["espeak"]
