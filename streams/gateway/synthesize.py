"""`POST /api/tts/synthesize`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from models.audio import FORMATS
from storage.records import Record
from streams.gateway.answers import AUDIO, FILE_HEADERS, Accepted, MetadataAnswer, Responses
from streams.gateway.downloads import download
from streams.gateway.errors import ApiError
from streams.gateway.jobs import appeared
from streams.gateway.keys import Scope
from streams.gateway.library import shown
from streams.gateway.live import live, live_answer
from streams.gateway.parts import Parts, PartsOf
from streams.gateway.speech import Asked, body_of
from streams.ids import ID_PATTERN
from streams.requests import SynthesisRequested

router = APIRouter(tags=["speech"])

ABOUT_FILE = ("X-File-ID", "X-Expires-At")
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async`: do not wait",
    "schema": {"type": "string", "examples": ["respond-async"]},
}
ASKED = {
    "parameters": [PREFER],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SynthesisRequested"}}},
    },
}


SPOKEN: Responses = {
    200: {
        "description": "the audio; with `return_audio: false` its metadata",
        "model": MetadataAnswer,
        "content": AUDIO,
        "headers": FILE_HEADERS,
    },
    202: {"description": "it goes on; ask at `Location`", "model": Accepted},
}


@router.post("/api/tts/synthesize", openapi_extra=ASKED, response_class=Response, responses=SPOKEN)
async def synthesize(request: Request, parts: PartsOf) -> Response:
    """Speak a text. A call with an `X-Request-ID` (or `Idempotency-Key`) that was used before is the same request."""
    caller = parts.caller(request, Scope.SPEAK)
    fields = await body_of(request, parts.settings.max_body_bytes)
    return_audio = fields.get("return_audio", True)
    if not isinstance(return_audio, bool):
        raise ApiError(400, "invalid_request", f"return_audio: must be true or false; got {return_audio!r}")
    _take_id(request, fields)
    asked = parts.speaking.asked(fields, request.state.request_id, caller, wrong_id=request.state.wrong_id)
    answer = await _answer(parts, asked, request, return_audio=return_audio)
    if not asked.request.store:  # nobody is to come back for it
        for name in ABOUT_FILE:
            del answer.headers[name]
    return answer


async def _answer(parts: Parts, asked: Asked, request: Request, *, return_audio: bool) -> Response:
    """The audio or its metadata; that it goes on, where it is not done in time."""
    record, later = await parts.speaking.answered(asked), "respond-async" in request.headers.get("prefer", "")
    if record is None and later:  # a job, however soon it is done
        await parts.speaking.admit(asked)
        await parts.speaking.produce(asked, request)
    elif record is None and asked.request.stream and return_audio:
        audio = await live(parts, asked, request)
        if audio is not None:
            return live_answer(asked, audio)
    elif record is None:
        record = await parts.speaking.speak(asked, request, seconds=parts.settings.sync_seconds)
    if record is None:
        return await accepted(parts, asked, preferred=later)
    if not return_audio:
        return JSONResponse({"success": True, "metadata": shown(record)}, headers=_about(record))
    return await download(request, parts.library, record)


def _take_id(request: Request, fields: Mapping[str, Any]) -> None:
    """Let the body name the call where no header does."""
    given = fields.get("request_id")
    if given is None or request.state.named:
        return
    if isinstance(given, str) and re.fullmatch(ID_PATTERN, given):
        request.state.request_id = given
    else:
        request.state.wrong_id = True


async def accepted(parts: Parts, asked: Asked, *, preferred: bool) -> JSONResponse:
    """The request is on the log, and its outcome will be."""
    await appeared(parts, asked.request.tenant_id, asked.request_id)
    job: dict[str, Any] = {"request_id": asked.request_id, "file_id": asked.file_id, "status": "queued"}
    headers = {"Location": f"/api/tts/jobs/{asked.request_id}"}
    if preferred:
        headers["Preference-Applied"] = "respond-async"
    return JSONResponse({"success": True, "job": job}, 202, headers)


def _about(record: Record) -> dict[str, str]:
    return {"X-File-ID": record.file_id, "X-Expires-At": record.model_dump(mode="json")["expires_at"]}


def schemas() -> dict[str, Any]:
    """JSON Schemas of bodies that are judged by `streams.requests`, for the OpenAPI document."""
    schema = SynthesisRequested.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["return_audio"] |= {"default": True, "description": "answer with the audio, or its metadata"}
    schema["allOf"] = [_goes_with(name, made.rates) for name, made in FORMATS.items() if made.rates]
    return {"SynthesisRequested": schema}


def _goes_with(audio_format: str, rates: Sequence[int]) -> dict[str, Any]:
    """That a format takes these sample rates only."""
    named = {"properties": {"format": {"const": audio_format}}, "required": ["format"]}
    return {"if": named, "then": {"properties": {"sample_rate": {"enum": [None, *rates]}}}}
