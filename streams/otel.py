"""Spans as OpenTelemetry records them, sent over OTLP to where and as the variables OTEL_* say."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Self

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.settings import SettingsError
from streams.traces import Attributes, Kind, Span, text_of
from streams.version import version

PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
"""Which variables say how it is sent; the first one supersedes the other."""

EXPORTERS = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}
CLOSE_SECONDS = 5.0
KINDS: dict[Kind, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}

_propagator = TraceContextTextMapPropagator()


class OpenTelemetry:
    """A `streams.traces.Recorder` that hands ended spans to a processor."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        """`service`: its name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES give another."""
        named = {"service.name": service, "service.version": version()}
        resource = Resource.create({**named, **OTELResourceDetector().detect().attributes})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("loa", version())

    @classmethod
    def over_otlp(cls, service: str) -> Self:
        """One that sends in the background. Raises SettingsError for a protocol that is none of `EXPORTERS`."""
        return cls(service, BatchSpanProcessor(_exporter()))

    def close(self) -> None:
        """Send what has ended, if it is taken soon: a collector that is away keeps no process from leaving."""
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: Mapping[str, bytes] | None, began: datetime | None
    ) -> Iterator[Span]:
        """See `Recorder.span`."""
        context = None if parent is None else _propagator.extract(text_of(parent))
        start = None if began is None else int(min(began, datetime.now(UTC)).timestamp() * 1e9)
        with self._tracer.start_as_current_span(
            name, context, KINDS[kind], dict(attributes), start_time=start, record_exception=False
        ) as made:
            yield _Recorded(made, _headers())

    def around(self, otherwise: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """See `Recorder.around`."""
        return _headers() or otherwise


def _exporter() -> SpanExporter:
    name = next((name for name in PROTOCOLS if os.environ.get(name)), None)
    protocol = os.environ[name] if name else "http/protobuf"
    if protocol not in EXPORTERS:
        raise SettingsError(f"{name}={protocol}: must be {' or '.join(EXPORTERS)}")
    module = import_module(EXPORTERS[protocol])  # that of gRPC takes as long as all the rest: only who asks for it pays
    exporter: SpanExporter = module.OTLPSpanExporter()
    return exporter


class _Recorded(Span):
    def __init__(self, span: trace.Span, headers: Mapping[str, bytes]) -> None:
        super().__init__(headers)
        self._span = span

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, what: str, attributes: Attributes) -> None:
        self._span.add_event(what, attributes)

    def link(self, headers: Mapping[str, bytes]) -> None:
        linked = trace.get_current_span(_propagator.extract(text_of(headers))).get_span_context()
        if linked.is_valid:
            self._span.add_link(linked)

    def fail(self, code: str, message: str) -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(trace.StatusCode.ERROR, message)


def _headers() -> dict[str, bytes]:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return {name: value.encode() for name, value in carrier.items()}
