"""What clients of OpenAI's audio API expect: the same calls, fields and errors, spoken by Loa's voices."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from storage.records import Record
from streams.errors import ErrorCode
from streams.gateway.answers import AUDIO, EVENTS, FILE_HEADERS, Models, Responses, Voices
from streams.gateway.auth import Caller
from streams.gateway.downloads import download, pieces
from streams.gateway.errors import ApiError, EndedError
from streams.gateway.keys import Scope
from streams.gateway.live import live, live_answer
from streams.gateway.parts import Parts, PartsOf
from streams.gateway.speech import Asked, body_of
from streams.requests import SPEAKABLE

router = APIRouter(tags=["OpenAI"], prefix="/v1")

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
FORMATS = ("mp3", "opus", "flac", "wav", "pcm")
PCM_RATE = 24_000
"""Hz; what its clients take for granted."""

SAME_SECONDS = 3600
"""A call without an id is named by its content and this stretch of time, so that a client's retry is no new request."""

MOST_NAMES = 100
OVER = frozenset({ErrorCode.EXPIRED.value, *(code.value for code in ErrorCode if code.reason.retryable)})
"""How a request without an id of its own may have ended, so that the same call is a new one."""

BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Speech"}}},
    }
}
SCHEMA = {
    "type": "object",
    "required": ["input"],
    "properties": {
        "model": {
            "type": ["string", "null"],
            "default": "tts-1",
            "description": "OpenAI's names mean `auto`; or one of /v1/models",
        },
        "input": {"type": "string", "minLength": 1, **SPEAKABLE},
        "voice": {
            "description": "OpenAI's names, or one of /v1/audio/voices",
            "anyOf": [
                {"type": ["string", "null"], "minLength": 1},
                {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "minLength": 1}}},
            ],
        },
        "response_format": {"type": ["string", "null"], "enum": [*FORMATS, None], "default": "mp3"},
        "speed": {"type": ["number", "null"], "minimum": 0.25, "maximum": 4, "default": 1},
        "stream_format": {
            "type": ["string", "null"],
            "enum": ["audio", "sse", None],
            "description": "given: sent while it is being spoken; else whole, with its length",
        },
        "instructions": {"description": "ignored"},
    },
}


SPOKEN: Responses = {
    200: {
        "description": "the audio; server-sent events with `stream_format: sse`",
        "content": AUDIO | EVENTS,
        "headers": FILE_HEADERS,
    }
}


@router.post("/audio/speech", openapi_extra=BODY, response_class=Response, responses=SPOKEN)
async def speech(request: Request, parts: PartsOf) -> Response:
    """Speak `input`; as audio, or as server-sent events with `stream_format: "sse"`."""
    caller = parts.caller(request, Scope.SPEAK)
    fields = await body_of(request, parts.settings.max_body_bytes)
    as_events = _one_of(fields, "stream_format", ("audio", "sse"), "audio") == "sse"
    asked, record = await _asked(request, parts, fields, caller)
    audio = None
    if record is None and asked.request.stream:
        audio = await live(parts, asked, request)
    elif record is None:
        record = await parts.speaking.speak(asked, request, seconds=parts.settings.sync_seconds)
    if record is not None and as_events:
        audio = pieces(parts.library, record)
    if audio is not None and as_events:
        return StreamingResponse(_events(audio), headers={"X-File-ID": asked.file_id}, media_type="text/event-stream")
    if audio is not None:
        return live_answer(asked, audio)
    if record is None:
        raise ApiError(504, "synthesis_timeout", f"not spoken within {parts.settings.sync_seconds:g} s; it goes on")
    return await download(request, parts.library, record)


@router.get("/models", response_model=Models)
async def models(request: Request, parts: PartsOf) -> JSONResponse:
    """The engines that are served, and OpenAI's names for whichever fits."""
    parts.caller(request, Scope.READ)
    names = [*MODELS, *parts.registry.engines]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "loa"} for name in names]
    return JSONResponse({"object": "list", "data": data})


@router.get("/audio/voices", response_model=Voices)
async def voices(request: Request, parts: PartsOf) -> JSONResponse:
    """All voices, each with its languages."""
    parts.caller(request, Scope.READ)
    found = [
        {
            "id": f"{engine.name}/{voice.name}",
            "name": voice.name,
            "model": engine.name,
            "languages": list(voice.languages),
        }
        for engine in parts.registry.engines.values()
        for voice in engine.voices
    ]
    return JSONResponse({"object": "list", "data": found, "voices": [each["id"] for each in found]})


def _translated(fields: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
    """OpenAI's fields → those of a request. Raises ApiError."""
    if "input" not in fields:
        raise ApiError(400, "invalid_request", "input: is missing")
    audio_format = _one_of(fields, "response_format", FORMATS, "mp3")
    request = {"text": fields["input"], "format": audio_format}
    model, voice = fields.get("model"), _voice(fields.get("voice"), parts)
    request |= {"model": "auto" if model is None or model in MODELS else model}
    request |= {"voice": voice} if voice is not None else {}
    request |= {"speed": fields["speed"]} if fields.get("speed") is not None else {}
    request |= {"stream": True} if fields.get("stream_format") is not None else {}
    return request | ({"sample_rate": PCM_RATE} if audio_format == "pcm" else {})


def _voice(voice: Any, parts: Parts) -> Any:
    """OpenAI's names stand for a voice of the settings, or for whichever fits the language. Raises ApiError."""
    named = voice.get("id") if isinstance(voice, dict) else voice
    if named is None and voice is not None:
        raise ApiError(400, "invalid_request", "voice.id: is missing")
    if isinstance(named, str) and named in parts.settings.openai_voices:
        return parts.settings.openai_voices[named]
    return None if named in VOICES else named


def _one_of(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = fields.get(name)
    if value is None:
        return default
    if value not in allowed:
        shown = repr(value)[:64]
        raise ApiError(400, "unsupported_format", f"{name}: {shown} is not supported; allowed: {', '.join(allowed)}")
    return str(value)


async def _asked(
    request: Request, parts: Parts, fields: Mapping[str, Any], caller: Caller
) -> tuple[Asked, Record | None]:
    """The call as a request, and what it ended in before. Raises ApiError."""
    speaking, translated = parts.speaking, _translated(fields, parts)
    if request.state.named:
        asked = speaking.asked(translated, request.state.request_id, caller, wrong_id=request.state.wrong_id)
        return asked, await speaking.answered(asked)
    for request_id in _names(fields, caller):
        request.state.request_id = request_id
        asked = speaking.asked(translated, request_id, caller)
        try:
            return asked, await speaking.answered(asked)
        except EndedError as error:
            if error.code not in OVER:
                raise
    raise ApiError(429, "too_many_requests", "the same was asked for too often; give an X-Request-ID")


def _names(fields: Mapping[str, Any], caller: Caller) -> Iterator[str]:
    """Ids for a call without one, which its retries have too; the next is for when what had the last one is over."""
    content = orjson.dumps([int(time.time() // SAME_SECONDS), caller.tenant, fields], option=orjson.OPT_SORT_KEYS)
    name = f"speech-{hashlib.sha256(content).hexdigest()[:32]}"
    return (name if number == 1 else f"{name}-{number}" for number in range(1, MOST_NAMES + 1))


async def _events(audio: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in audio:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    except ApiError as error:
        yield _event({"type": "error", "error": {"type": "server_error", "code": error.code, "message": error.message}})
        return
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
