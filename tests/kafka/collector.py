"""Collectors of traces: they take OTLP over HTTP or gRPC, and keep the spans."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Seen:
    """A span. Ids are hexadecimal; `parent` is empty for the first of a trace. `began`, `ended`: nanoseconds."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    events: list[str]
    failed: bool
    began: int
    ended: int


class Collector:
    """An HTTP server; use as an async context manager."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def of(self, trace: str) -> list[Seen]:
        """The spans of a trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.began)

    async def _take(self, request: web.Request) -> web.Response:
        self.spans += _spans(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")


class GrpcCollector(TraceServiceServicer):
    """The same over gRPC; use `listening`. `spans`: where to keep them."""

    def __init__(self, spans: list[Seen]) -> None:
        self.spans = spans

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Take spans until the block ends; yields the address."""
        server = grpc.server(ThreadPoolExecutor(1))
        add_TraceServiceServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop(None).wait()

    def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        self.spans += _spans(request)
        return ExportTraceServiceResponse()


def _spans(told: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in told.resource_spans:
        service = _fields(resource.resource.attributes)["service.name"]
        yield from (_seen(service, span) for scope in resource.scope_spans for span in scope.spans)


def _seen(service: str, span: Span) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_fields(span.attributes),
        events=[event.name for event in span.events],
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _fields(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
