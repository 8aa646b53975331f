"""For whoever watches over a gateway: does it live, can it serve, what has it done."""

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from streams.gateway.answers import Responses
from streams.gateway.installation_answers import Alive, NotReady, Ready
from streams.gateway.parts import PartsOf
from streams.kafka import answering
from streams.readers.group import members

router = APIRouter(tags=["operations"])

NOT_READY: Responses = {503: {"description": "a request would not be spoken now", "model": NotReady}}
METRICS: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/healthz", response_model=Alive)
async def healthz() -> JSONResponse:
    """Whether the process lives."""
    return JSONResponse({"ok": True})


@router.get("/readyz", response_model=Ready, responses=NOT_READY)
async def readyz(parts: PartsOf) -> JSONResponse:
    """Whether a request would be spoken now: the broker answers, and a worker is in the group."""
    if not parts.waits.listening:
        return JSONResponse({"ok": False, "reason": "outcomes are not heard now"}, 503)
    try:
        await answering(parts.settings)
        workers = await members(parts.settings)
    except KafkaError as error:
        return JSONResponse({"ok": False, "reason": f"the broker does not answer: {error}"}, 503)
    if not workers:
        return JSONResponse({"ok": False, "reason": "no worker is there"}, 503)
    return JSONResponse({"ok": True, "workers": len(workers)})


@router.get("/metrics", response_class=Response, responses=METRICS)
async def metrics(request: Request) -> Response:
    """Metrics of this gateway, and of the installation as it sees it, for Prometheus."""
    await request.app.state.installation.look()
    body, content_type = request.app.state.metrics.exposed(request.headers.get("Accept", ""))
    return Response(body, headers={"Content-Type": content_type})
