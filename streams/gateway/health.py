"""For whoever watches over a gateway: does it live, can it serve, what has it done."""

import math

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from storage.index import LANES
from streams.gateway.answers import Alive, NotReady, Ready, Responses
from streams.gateway.load import Load
from streams.gateway.parts import PartsOf
from streams.gateway.waits import Waits
from streams.kafka import answering
from streams.readers.group import members

router = APIRouter(tags=["operations"])

NOT_READY: Responses = {503: {"description": "a request would not be spoken now", "model": NotReady}}
METRICS: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


class Metrics:
    """Metrics of one gateway, in a registry of its own. Labels are bounded: routes, not paths; no ids."""

    def __init__(self, waits: Waits, load: Load) -> None:
        self._load = load
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._calls = Counter("loa_http_requests_total", "HTTP calls", labels, registry=self.registry)
        self._seconds = Histogram(
            "loa_http_request_duration_seconds", "time to the last byte", labels[:2], registry=self.registry
        )
        waiting = Gauge("loa_http_waits", "calls that wait for an outcome", registry=self.registry)
        waiting.set_function(lambda: len(waits))
        self._queued = Gauge(
            "loa_queued_speech_seconds",
            "speech that is queued, estimated; the same at every gateway; NaN where the index does not answer",
            ("lane",),
            registry=self.registry,
        )

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """A call has been answered."""
        self._calls.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    async def text(self) -> bytes:
        """All of them as they are now, as Prometheus reads them."""
        for lane in LANES:
            queued = await self._load.queued(lane)
            self._queued.labels(lane).set(math.nan if queued is None else queued)
        return generate_latest(self.registry)


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
    """Metrics as Prometheus reads them."""
    return Response(await request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
