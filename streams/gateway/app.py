"""The application: routes, what every answer has, and errors in the shape that the caller expects."""

from typing import Any

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp

from streams.gateway import (
    audio,
    events,
    health,
    jobs,
    openai,
    operations,
    page,
    quotas,
    retention,
    statistics,
    synthesize,
    webhooks,
)
from streams.gateway.document import DESCRIPTION, document
from streams.gateway.errors import ApiError
from streams.gateway.installation import Installation
from streams.gateway.middleware import EveryAnswer
from streams.gateway.pages import calls_page
from streams.gateway.parts import Parts
from streams.metrics import declared
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.topics import TopicsError
from streams.version import CONTRACT

CALLS = (synthesize, jobs, events, webhooks, audio, retention, statistics, quotas, openai, operations, health, page)
ROUTERS = tuple(module.router for module in CALLS)
OF_HTTP = {404: "not_found", 405: "method_not_allowed"}

log = structlog.get_logger(__name__)


def serve(parts: Parts) -> ASGIApp:
    """The application over these parts, as a server runs it."""
    metrics = Metrics(Part.GATEWAY)
    metrics.show(declared.WAITING, lambda: len(parts.waits))
    metrics.show(declared.STREAMS, lambda: len(parts.feed))
    return EveryAnswer(create_app(parts, metrics), metrics)


def create_app(parts: Parts, metrics: Metrics) -> FastAPI:
    """The routes over these parts."""
    app = routes()
    app.state.parts, app.state.metrics = parts, metrics
    app.state.installation = Installation(parts, metrics)
    if parts.settings.cors_origins:
        exposed = ["X-Request-ID", "X-File-ID", "X-Expires-At", "Location", "Retry-After"]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(parts.settings.cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=exposed,
        )
    return app


def routes() -> FastAPI:
    """All calls and how they fail, without anything behind them."""
    app = FastAPI(title="Loa", version=CONTRACT, description=DESCRIPTION, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(KafkaError, _no_broker)
    app.add_exception_handler(TopicsError, _no_topics)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


async def _docs(request: Request) -> HTMLResponse:
    """The calls, on a page that needs nothing from elsewhere."""
    return HTMLResponse(calls_page(request.app.openapi()))


def _answer(request: Request, error: ApiError) -> JSONResponse:
    if request.url.path.startswith("/v1/"):
        kind = "invalid_request_error" if error.status < 500 else "server_error"
        body: dict[str, Any] = {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}
    else:
        said = {"code": error.code, "message": error.message, "request_id": request.state.request_id}
        body = {"success": False, "error": said}
    return JSONResponse(body, error.status, error.headers)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, error if isinstance(error, ApiError) else ApiError(500, "internal", "a fault inside Loa"))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
    where = ".".join(str(part) for part in first["loc"])
    return _answer(request, ApiError(400, "invalid_request", f"{where}: {first['msg']}"))


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 405:
        headers = {"Allow": ", ".join(_methods(request))}
    return _answer(
        request,
        ApiError(
            status,
            OF_HTTP.get(status, "invalid_request"),
            f"{request.method} {request.url.path[:200]}: {_phrase(error)}",
            headers,
        ),
    )


def _methods(request: Request) -> list[str]:
    """All methods that a path has, over all its routes."""
    routes = [*request.app.routes, *(route for router in ROUTERS for route in router.routes)]
    found = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in found for method in getattr(route, "methods", None) or ()})


def _phrase(error: Exception) -> str:
    return str(error.detail) if isinstance(error, HTTPException) else "failed"


async def _no_broker(request: Request, error: Exception) -> JSONResponse:
    log.warning("the broker refused or did not answer", path=request.url.path, error=str(error))
    return _answer(request, ApiError(503, "internal", "the log cannot be reached now", {"Retry-After": "5"}))


async def _no_topics(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, ApiError(503, "internal", str(error), {"Retry-After": "5"}))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("a fault in the gateway", path=request.url.path, exc_info=error)
    return _answer(request, ApiError(500, "internal", "a fault inside Loa; its log says more"))
