"""Spans: what they say where they are recorded, and that nothing happens where they are not."""

import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from models.engine import OutOfMemory, Piece
from models.speech import Speech
from streams import otel, settings, traces
from streams.otel import OpenTelemetry
from streams.settings import SettingsError
from streams.traces import recorded_by, recording, sending, text_of, trace_id
from tests.fakes import InProcessPool, Rig

ONE = {"traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": b"vendor=one"}
OTHER = {"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
OTLP = settings.load({"TTS_TRACES": "otlp"})


@pytest.fixture
def ended() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    recorder = OpenTelemetry("loa-test", SimpleSpanProcessor(exporter))
    with recorded_by(recorder):
        yield exporter
    recorder.close()


def named(ended: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in ended.get_finished_spans() if span.name == name]


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return format(span.context.trace_id, "032x")


@pytest.mark.parametrize(
    ("traceparent", "found"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        (b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", "0af7651916cd43dd8448eb211c80319c"),
        (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        (b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_the_id_of_a_trace(traceparent: bytes, found: str | None) -> None:
    assert trace_id({"traceparent": traceparent}) == found


def test_what_goes_to_others_over_http_is_as_it_is_to_be() -> None:
    assert text_of(ONE | {"secret": b"x"}) == {name: text.decode() for name, text in ONE.items()}
    assert text_of({"traceparent": ONE["traceparent"] + b"-a\r\nSet-Cookie: a"}) == {}
    assert text_of({"traceparent": b"nothing", "tracestate": b"vendor=one"}) == {}
    assert text_of(ONE | {"tracestate": b"a=1\r\nX: y"}).keys() == {"traceparent"}


async def test_a_request_in_a_worker(ended: InMemorySpanExporter) -> None:
    rig = Rig(settings.load({"TTS_MODELS": "tone"}))
    delivery = rig.ask(request_id="r", tenant="acme", headers=list(ONE.items()))
    await rig.run()
    spans = {span.name: span for span in ended.get_finished_spans()}
    assert spans.keys() == {"process tts.requests", "queue", "find", "synthesis", "store"}
    whole = spans.pop("process tts.requests")
    assert whole.parent is not None and format(whole.parent.span_id, "016x") == "b7ad6b7169203331"
    assert whole.start_time == int(delivery.time.timestamp() * 1e9), "it waits from when the broker took it"
    assert whole.resource.attributes["service.name"] == "loa-test"
    assert {span.parent and span.parent.span_id for span in spans.values()} == {whole.context and whole.context.span_id}
    assert whole.attributes is not None
    assert (whole.attributes["loa.request_id"], whole.attributes["loa.tenant"]) == ("r", "acme")


async def test_what_fails_says_why(ended: InMemorySpanExporter) -> None:
    def fail(_: Piece) -> Speech:
        raise OutOfMemory("no room")

    rig = Rig(settings.load({"TTS_MODELS": "tone"}), InProcessPool(instead=fail))
    rig.ask(request_id="r", headers=list(ONE.items()))
    rig.ask(model="unknown", headers=list(OTHER.items()))
    await rig.run()
    failed = {trace_of(span): span for span in named(ended, "process tts.requests")}
    assert {span.status.description for span in failed.values()} == {
        "no room",
        "model 'unknown' is not served here; allowed: auto, tone",
    }
    assert not failed[trace_id(OTHER) or ""].events
    (synthesis,) = named(ended, "synthesis")
    assert not synthesis.status.is_ok


async def test_a_request_that_comes_twice_serves_both_traces(ended: InMemorySpanExporter) -> None:
    rig = Rig(settings.load({"TTS_MODELS": "tone"}))
    for headers in (ONE, OTHER):
        rig.ask(request_id="r", headers=list(headers.items()))
    await rig.run()
    (whole,) = named(ended, "process tts.requests")
    assert trace_of(whole) == trace_id(ONE)
    assert [format(link.context.trace_id, "032x") for link in whole.links] == [trace_id(OTHER)]


def test_a_record_carries_the_span_that_sends_it(ended: InMemorySpanExporter) -> None:
    with traces.span("around", parent=ONE) as around:
        with sending("tts.completed", ONE) as sent:
            assert trace_id(sent.headers) == trace_id(ONE)
            assert sent.headers["traceparent"] not in {ONE["traceparent"], around.headers["traceparent"]}
            assert sent.headers["tracestate"] == b"vendor=one"
        with sending("tts.requests.retry", OTHER) as sent:
            assert trace_id(sent.headers) == trace_id(OTHER), "of two that are one request, each stays in its trace"
    with sending("tts.cleanup", None) as sent:
        assert sent.headers == {}, "what nobody asked for begins no trace"
    assert len(named(ended, "send tts.cleanup")) == 0


def test_what_is_not_recorded_is_passed_on_as_it_is() -> None:
    with traces.span("around", parent=OTHER), sending("tts.completed", ONE) as sent:
        assert sent.headers is ONE
    assert traces.around(ONE) is ONE
    assert traces.around(None) == {}


def test_what_it_takes_to_record_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with (
        pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL=http/json: must be http/protobuf or grpc"),
        recording(OTLP, "x"),
    ):
        pass
    monkeypatch.setitem(sys.modules, "streams.otel", None)
    with (
        pytest.raises(SettingsError, match=r"TTS_TRACES=otlp: needs .* pip install 'loa-tts\[otel\]'"),
        recording(OTLP, "x"),
    ):
        pass


def test_a_collector_that_is_away_keeps_nobody_from_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    class Away(SpanProcessor):
        def shutdown(self) -> None:
            answered.wait()

    monkeypatch.setattr(otel, "CLOSE_SECONDS", 0.01)
    OpenTelemetry("loa-test", Away()).close()
    answered.set()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "loa-worker"),
        ({"OTEL_SERVICE_NAME": "speech"}, "speech"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=voice"}, "voice"),
    ],
)
def test_a_service_is_called_as_its_user_says(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    exporter = InMemorySpanExporter()
    recorder = OpenTelemetry("loa-worker", SimpleSpanProcessor(exporter))
    with recorded_by(recorder), traces.span("one"):
        pass
    recorder.close()
    assert exporter.get_finished_spans()[0].resource.attributes["service.name"] == name


async def test_a_copy_is_not_spoken_and_says_of_what_it_is_one(ended: InMemorySpanExporter) -> None:
    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_REUSE_MINUTES": "60"}))
    for name in ("first", "second"):
        rig.ask(request_id=name, headers=list(ONE.items()))
    await rig.run()
    (copied,) = named(ended, "copy")
    first, second = rig.writer.of("completed")
    assert copied.attributes == {"loa.copied_file_id": first.file_id}
    assert [span.attributes and span.attributes["loa.file_id"] for span in named(ended, "store")] == [
        *(first.file_id, second.file_id)
    ]
    assert len(named(ended, "synthesis")) == 1
