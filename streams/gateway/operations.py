"""What only an operator may see and do: workers and how far they are behind, and what could not be answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from storage.index import LANES
from streams.gateway.errors import ApiError, not_found
from streams.gateway.installation_answers import DemandAnswer, Letters, RedrivenAnswer, Workers
from streams.gateway.keys import Scope
from streams.gateway.parts import PartsOf
from streams.gateway.speech import body_of
from streams.readers.dead_letters import DeadLetter, dead_letters, latest, put_back
from streams.readers.demand import LEAST_WITHIN, MOST_WITHIN, WITHIN_SECONDS, demand
from streams.readers.group import lag, members
from streams.routes import no_pool

MOST_AT_ONCE = 1000
PREVIEW = 200

router = APIRouter(tags=["operations"])

REDRIVE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["requests"],
                    "properties": {
                        "requests": {
                            "type": "array",
                            "items": {"type": "string"},
                            "minItems": 1,
                            "maxItems": MOST_AT_ONCE,
                            "description": "request ids, file ids, or places in the log",
                        }
                    },
                }
            }
        },
    }
}


@router.get("/api/tts/workers", response_model=Workers)
async def workers(request: Request, parts: PartsOf) -> JSONResponse:
    """The workers of the group, the partitions of each, and how many records of each topic they have not passed."""
    parts.caller(request, Scope.ADMIN)
    found = [
        {"worker": member.client, "host": member.host, "partitions": dict(member.partitions)}
        for member in await members(parts.settings)
    ]
    return JSONResponse({"success": True, "workers": found, "lag": await lag(parts.settings)})


@router.get("/api/tts/queue", response_model=DemandAnswer)
async def queue(
    request: Request,
    parts: PartsOf,
    within: Annotated[
        float,
        Query(ge=LEAST_WITHIN, le=MOST_WITHIN, description="what is queued is to be spoken in so many seconds"),
    ] = WITHIN_SECONDS,
    pool: Annotated[
        str | None, Query(description="of this pool of workers; empty: of the one without a name; absent: of all")
    ] = None,
) -> JSONResponse:
    """Speech that is queued for the workers there are, and how many there should be: for an autoscaler."""
    parts.caller(request, Scope.ADMIN)
    if pool is not None and pool not in parts.settings.pools:
        raise ApiError(400, "invalid_request", no_pool(pool, parts.settings))
    queued = {lane: await parts.load.queued(lane, None, pool) for lane in LANES}
    known = {lane: seconds for lane, seconds in queued.items() if seconds is not None}
    if len(known) < len(queued):
        raise ApiError(503, "storage_failed", "the index does not tell how much is queued", {"Retry-After": "5"})
    found = await demand(parts.settings, known, lambda workers: parts.load.speed_of_one(workers, pool), within, pool)
    return JSONResponse({"success": True, "queue": found.row()})


@router.get("/api/tts/dlq", response_model=Letters)
async def letters(
    request: Request,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="the newest so many")] = 100,
) -> JSONResponse:
    """Requests that could not be answered and were not spoken since, the newest first."""
    parts.caller(request, Scope.ADMIN)
    found = latest(await dead_letters(parts.settings))
    newest = sorted(found, key=lambda letter: letter.time, reverse=True)[:limit]
    return JSONResponse({"success": True, "letters": [_shown(letter) for letter in newest], "total": len(found)})


@router.post("/api/tts/dlq/redrive", openapi_extra=REDRIVE, response_model=RedrivenAnswer)
async def redrive(request: Request, parts: PartsOf) -> JSONResponse:
    """Put requests back on the log as they were, under their ids, with a new attempt; what was spoken since is not."""
    parts.caller(request, Scope.ADMIN)
    fields = await body_of(request, parts.settings.max_body_bytes)
    named = _names(fields)
    found = latest(await dead_letters(parts.settings, names=named))
    if not found:
        raise not_found("requests: none of these is among those that could not be answered")
    await put_back(parts.writer, found)
    rows = [
        {"request_id": letter.request_id, "tenant": letter.tenant, "attempt": letter.attempt + 1} for letter in found
    ]
    return JSONResponse({"success": True, "redriven": rows})


def _names(fields: dict[str, Any]) -> list[str]:
    named = fields.get("requests")
    if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
        raise ApiError(400, "invalid_request", "requests: a list of request ids, file ids or places is needed")
    if len(named) > MOST_AT_ONCE:
        raise ApiError(400, "invalid_request", f"requests: has {len(named)} names, and {MOST_AT_ONCE} are allowed")
    return named


def _shown(letter: DeadLetter) -> dict[str, Any]:
    row = letter.row()
    text = (letter.value or b"").decode("utf-8", "replace")
    return row | {"file_id": letter.file_id, "dlq_place": letter.place, "preview": text[:PREVIEW]}
