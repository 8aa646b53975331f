"""Whatever is sent is answered, and never with a fault of ours."""

import asyncio
from typing import Any
from urllib.parse import quote

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.requests import SynthesisRequested
from tests.gateway.rig import Site

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
RIGHT = st.sampled_from(["Hello there.", "tone", "tone/sine", "en", "wav", "pcm", 1, 8000, 2.0, True, "alloy", "sse"])
OPENAI = ("input", "voice", "model", "response_format", "speed", "stream_format", "instructions")


def bodies(names: tuple[str, ...], **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), RIGHT | ANY, max_size=6).map(lambda given: fixed | given)


def answered(path: str, body: Any, headers: dict[str, str]) -> None:
    async def call() -> None:
        async with Site(TTS_SYNC_SECONDS="5").client() as client:
            try:
                content = orjson.dumps(body)
            except TypeError:  # integers that JSON's other writers take, and ours does not
                return
            answer = await client.post(path, content=content, headers=headers)
            assert answer.status_code in {200, 202} or 400 <= answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                assert answer.json()["error"].keys() >= {"code", "message"}

    asyncio.run(call())


@settings(max_examples=60)
@given(bodies(tuple(SynthesisRequested.model_fields), text="Hello there.", model="tone", language="en") | ANY)
def test_any_body_to_synthesize(body: Any) -> None:
    answered("/api/tts/synthesize", body, {})


@settings(max_examples=60)
@given(bodies(OPENAI, input="Hello there.", model="tone", voice="alloy") | ANY)
def test_any_body_to_openais_speech(body: Any) -> None:
    answered("/v1/audio/speech", body, {})


NAMES = ("range", "if-none-match", "if-range", "x-request-id", "idempotency-key", "prefer")
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
RANGES = st.text("0123456789-, ", max_size=12).map(lambda text: f"bytes={text}")


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(NAMES), RANGES | VALUES), st.text(max_size=40))
def test_any_headers_and_names(headers: dict[str, str], name: str) -> None:
    async def call() -> None:
        async with Site().client() as client:
            spoken = await client.post("/api/tts/synthesize", json={"text": "Hi.", "model": "tone", "language": "en"})
            for asked in (spoken.headers["x-file-id"], quote(name.encode("utf-8", "replace"), safe="")):
                answer = await client.get(f"/api/tts/audio/{asked}", headers=headers)
                assert answer.status_code < 500, answer.text

    asyncio.run(call())
