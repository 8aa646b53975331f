"""`GET /api/tts/storage/stats`: what is stored, queued and done, without counting anything anew."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from streams.gateway.installation_answers import StatisticsAnswer
from streams.gateway.jobs import asked
from streams.gateway.keys import Scope
from streams.gateway.parts import PartsOf

MIB = 2**20

router = APIRouter(tags=["operations"])


@router.get("/api/tts/storage/stats", response_model=StatisticsAnswer)
async def stats(request: Request, parts: PartsOf) -> JSONResponse:
    """Files, bytes, requests and queued speech: the caller's, or everybody's for who may see all."""
    caller = parts.caller(request, Scope.READ)
    totals = await asked(lambda index: index.totals(caller.tenant), parts)
    told: dict[str, Any] = {
        "total_files": totals.total_files,
        "total_size_mb": round(totals.total_bytes / MIB, 6),
        "expired_files": totals.expired_files,
        "expired_size_mb": round(totals.expired_bytes / MIB, 6),
        "active_files": totals.active_files,
        "deleted_files": totals.deleted_files,
        "storage_dir": parts.settings.storage_dir if caller.tenant is None else None,
        "jobs": dict(totals.jobs),
        "queued_seconds": dict(totals.queued_seconds),
        "audio_seconds": totals.audio_seconds,
        "characters": totals.characters,
        "speed": parts.load.speed(),
    }
    return JSONResponse({"success": True, "stats": told})
