"""`GET /api/tts/quota`: what a tenant may use, and has used."""

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from storage.records import iso
from streams.gateway.errors import not_found
from streams.gateway.installation_answers import QuotaAnswer
from streams.gateway.keys import Scope
from streams.gateway.parts import PartsOf
from streams.gateway.statistics import MIB
from streams.ids import ID_PATTERN
from streams.requests import DEFAULT_TENANT

router = APIRouter(tags=["operations"])


@router.get("/api/tts/quota", response_model=QuotaAnswer)
async def quota(
    request: Request,
    parts: PartsOf,
    tenant: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="whose, for who may see all; default: `default`")
    ] = None,
) -> JSONResponse:
    """Seconds of speech today (UTC) and stored bytes: limits, and what of them is used."""
    caller = parts.caller(request, Scope.READ)
    name = tenant or caller.tenant or DEFAULT_TENANT
    if not caller.sees(name):
        raise not_found(f"tenant: there is no {name!r}")
    found = parts.quotas.of(name)
    told = {
        "tenant": name,
        "speech_limit_seconds": _limit(found.speech_limit),
        "speech_used_seconds": found.speech_used,
        "stored_limit_mb": _limit(found.stored_limit / MIB),
        "stored_used_mb": round(found.stored_used / MIB, 6),
        "resets_at": iso(found.resets_at),
    }
    return JSONResponse({"success": True, "quota": told})


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None
