"""What every answer has: a request id, headers that keep browsers from harm, and a line in the metrics."""

import re
import time
import uuid
from contextlib import AbstractContextManager
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from streams import logs, traces
from streams.ids import ID_PATTERN
from streams.metrics import declared
from streams.metrics.registry import Metrics
from streams.traces import TRACE_HEADERS, Span

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
}
TRACED = ("/api/", "/v1/")
NAMED_BY = ("x-request-id", "idempotency-key")


class EveryAnswer:
    """Around the whole application, its answers to its own faults included.

    `request.state` has `request_id`, the caller's or a new one; was it `named`, and was it a `wrong_id`?
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, began, status = Headers(scope=scope), time.perf_counter(), 500
        given = next((headers[name] for name in NAMED_BY if name in headers), None)
        valid = given is None or re.fullmatch(ID_PATTERN, given) is not None
        request_id = given if given and valid else uuid.uuid4().hex
        scope.setdefault("state", {}).update(request_id=request_id, named=given is not None, wrong_id=not valid)

        async def send_more(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-ID"] = scope["state"]["request_id"]  # a route may have found a better one
                for name, value in SAFE.items():
                    answer.setdefault(name, value)
                answer.setdefault("Cache-Control", "no-store")
            await send(message)

        clear_contextvars()  # a server may answer several calls in one context
        with _span_of(scope, headers) as span, logs.about(request_id, None, span.headers):
            try:
                await self._app(scope, receive, send_more)
            finally:
                method, route = _method(scope), _route(scope)
                self._metrics.count(declared.CALLS, method=method, route=route, status=str(status))
                self._metrics.observe(declared.CALL_SECONDS, time.perf_counter() - began, method=method, route=route)
                span.name(f"{method} {route}")
                span.set({"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    span.fail(str(status), "")


def _span_of(scope: Scope, headers: Headers) -> AbstractContextManager[Span]:
    """A call's, part of the caller's trace. Whoever looks whether it is alive, or fetches the page, begins none."""
    carried = {name: headers[name].encode("latin-1") for name in TRACE_HEADERS if name in headers}
    if not scope["path"].startswith(TRACED):
        return Span(carried)
    about = {"http.request.method": _method(scope), "url.path": scope["path"], "url.scheme": scope["scheme"]}
    return traces.span(_method(scope), "server", about, carried)


def _method(scope: Scope) -> str:
    known = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "other"


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "none"))
