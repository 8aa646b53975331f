"""OpenAI's own client, pointed at Loa."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import openai
import pytest
import soundfile

from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE


@pytest.fixture
def openai_client(served: tuple[Installation, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served[1]}/v1", api_key="none", timeout=PATIENCE) as made:
        yield made


def test_speech(openai_client: openai.OpenAI) -> None:
    spoken = openai_client.audio.speech.create(model="tts-1", voice="alloy", input="Hello from an old friend.")
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(spoken.content)).format == "MP3"
    pcm = openai_client.audio.speech.create(
        model="gpt-4o-mini-tts", voice="coral", input="Xin chào các bạn.", response_format="pcm", instructions="Softly."
    )
    assert len(pcm.content) / 2 / 24_000 > 0.4, "seconds at 24 kHz"


def test_speech_as_a_stream(openai_client: openai.OpenAI) -> None:
    with openai_client.audio.speech.with_streaming_response.create(
        model="tone", voice="tone/sine", input="Piece by piece. " * 20, response_format="wav", speed=2.0
    ) as response:
        data = b"".join(response.iter_bytes())
    assert soundfile.info(io.BytesIO(data)).duration > 1


def test_speech_as_events(served: tuple[Installation, str]) -> None:
    body = {"model": "tone", "voice": "nova", "input": "As events.", "stream_format": "sse", "response_format": "wav"}
    with httpx.stream("POST", f"{served[1]}/v1/audio/speech", json=body, timeout=PATIENCE) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    assert all(line.startswith("data: {") for line in lines)
    assert '"speech.audio.delta"' in lines[0] and '"speech.audio.done"' in lines[-1]


async def test_the_async_client(served: tuple[Installation, str]) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served[1]}/v1", api_key="none", timeout=PATIENCE) as made:
        spoken = await made.audio.speech.create(model="tone", voice="echo", input="At the same time.")
        assert spoken.content


def test_errors_are_the_clients_own(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.audio.speech.create(model="tts-1", voice="nobody", input="Who?")
    assert raised.value.code == "unknown_voice"
    assert "nobody" in raised.value.message
    with pytest.raises(openai.BadRequestError, match="aac"):
        openai_client.audio.speech.create(model="tts-1", voice="alloy", input="No.", response_format="aac")
    with pytest.raises(openai.BadRequestError, match="no letter"):
        openai_client.audio.speech.create(model="tts-1", voice="alloy", input="…")
    with pytest.raises(openai.NotFoundError):
        openai_client.get("/nowhere", cast_to=object)


async def test_a_retry_does_not_speak_twice(openai_client: openai.OpenAI, site: Installation) -> None:
    """The client's retry has no id; the same content within the hour is the same request."""
    text = "Said once, asked for twice."
    first = openai_client.audio.speech.create(model="tone", voice="alloy", input=text)
    again = openai_client.audio.speech.create(model="tone", voice="alloy", input=text)
    assert first.content == again.content
    async with site.reader("requests") as reader:
        await reader.to_end()
        asked = [event for event in reader.events if text.encode() in (event.record.value or b"")]
    assert len({event["request_id"] for event in asked}) <= 2, "an hour may have turned in between"
    assert len(asked) == len({event["request_id"] for event in asked})


def test_models_and_voices(openai_client: openai.OpenAI, served: tuple[Installation, str]) -> None:
    assert {"tts-1", "hibari", "espeak", "tone"} <= {model.id for model in openai_client.models.list()}
    found = httpx.get(f"{served[1]}/v1/audio/voices", timeout=PATIENCE).json()
    assert {"hibari/heart", "espeak/vi"} <= {voice["id"] for voice in found["data"]}
