"""Audio that is sent while it is being spoken, by a real worker to a real client."""

from __future__ import annotations

import base64
import io

import httpx
import openai
import orjson
import pytest
import soundfile

from storage.records import file_id
from tests.http.conftest import start_gateway
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE


def story(sentences: int) -> str:
    return " ".join(f"Sentence number {number} of a long story is being read aloud." for number in range(sentences))


LONG = story(60)


def body(**fields: object) -> dict[str, object]:
    return {"text": LONG, "model": "hibari", "stream": True} | fields


def committed(site: Installation, request_id: str) -> bool:
    return (site.storage / "metadata" / f"{file_id('default', request_id)}.json").exists()


# Opus is several times as much work as what is spoken.
@pytest.mark.parametrize(("audio_format", "text"), [("wav", LONG), ("opus", story(12))], ids=["wav", "opus"])
async def test_the_first_byte_comes_long_before_the_last_word(
    client: httpx.AsyncClient, site: Installation, audio_format: str, text: str
) -> None:
    name, data = f"live-{audio_format}", b""
    headers = {"X-Request-ID": name}
    asked = body(text=text, format=audio_format)
    async with client.stream("POST", "/api/tts/synthesize", json=asked, headers=headers) as answer:
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, name)
        async for piece in answer.aiter_raw():
            if not data:
                assert not committed(site, name), "it is still being spoken"
            data += piece
    assert committed(site, name)
    record = site.metadata(file_id("default", name))
    assert len(data) == record["file_size"]
    stored = (await client.get(f"/api/tts/audio/{record['file_id']}")).content
    assert data[44:] == stored[44:]
    assert not list(site.storage.glob(f"parts/{record['file_id']}*")), "the pieces are gone"


async def test_who_leaves_in_the_midst_cancels_what_nobody_can_fetch(
    client: httpx.AsyncClient, site: Installation
) -> None:
    headers = {"X-Request-ID": "left-alone"}
    async with client.stream("POST", "/api/tts/synthesize", json=body(store=False), headers=headers) as answer:
        async for _ in answer.aiter_raw():
            break
    async with site.reader("commands", "failed") as reader:
        await reader.until(lambda: reader.of("commands", request_id="left-alone"), "the cancellation")
        outcome = (await reader.answered("left-alone"))["left-alone"]
    assert outcome[0]["code"] == "cancelled"


async def test_a_stream_that_breaks_off_has_no_end(client: httpx.AsyncClient, site: Installation) -> None:
    headers, begun = {"X-Request-ID": "broken-off"}, False
    with pytest.raises(httpx.RemoteProtocolError):
        async with client.stream("POST", "/api/tts/synthesize", json=body(), headers=headers) as answer:
            async for _ in answer.aiter_raw():
                if not begun:
                    begun = True
                    command = orjson.dumps({"request_id": "broken-off"})
                    await site.kafka.produce(site.topic("commands"), command)
    assert begun


async def test_a_worker_that_dies_is_continued_by_another_on_the_same_stream(loa: Installation) -> None:
    worker = await loa.worker(TTS_MODELS="hibari")
    _, address = start_gateway(loa)
    name, data = "continued", b""
    async with (
        httpx.AsyncClient(base_url=address, timeout=PATIENCE) as caller,
        caller.stream("POST", "/api/tts/synthesize", json=body(), headers={"X-Request-ID": name}) as answer,
    ):
        async for piece in answer.aiter_raw():
            if not data:
                assert not committed(loa, name)
                worker.kill()
                loa.start_worker(TTS_MODELS="hibari")
            data += piece
    record = loa.metadata(file_id("default", name))
    stored = (loa.storage / f"{record['file_id']}.wav").read_bytes()
    assert len(data) == len(stored) and data[44:] == stored[44:]
    assert not list(loa.storage.glob("parts/*"))


async def test_openais_events_come_as_it_is_spoken(client: httpx.AsyncClient, site: Installation) -> None:
    asked = {"model": "hibari", "voice": "nova", "input": LONG, "stream_format": "sse", "response_format": "wav"}
    events, name = [], "live-events"
    async with client.stream("POST", "/v1/audio/speech", json=asked, headers={"X-Request-ID": name}) as answer:
        async for line in answer.aiter_lines():
            if line:
                if not events:
                    assert not committed(site, name), "it is still being spoken"
                events.append(orjson.loads(line.removeprefix("data: ")))
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done" and len(events) > 3
    data = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert len(data) == site.metadata(file_id("default", name))["file_size"]


async def test_openais_client_streams(served: tuple[Installation, str]) -> None:
    async with (
        openai.AsyncOpenAI(base_url=f"{served[1]}/v1", api_key="none") as made,
        made.audio.speech.with_streaming_response.create(
            model="hibari", voice="alloy", input=LONG[:600], response_format="flac", stream_format="audio"
        ) as response,
    ):
        data = b"".join([piece async for piece in response.iter_bytes()])
    assert soundfile.info(io.BytesIO(data)).format == "FLAC"
