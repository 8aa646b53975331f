"""The trace of a request: from an HTTP call over the broker, the worker and its engines to the webhook."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import orjson
import pytest

from streams import settings, traces
from tests.faults.engines import FOLDER, NAME
from tests.http.conftest import start_gateway
from tests.kafka.collector import Collector, GrpcCollector, Seen
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, until
from tests.kafka.receiver import Receiver
from tests.kafka.test_audit import tone
from tests.kafka.test_audit_damage import skip
from tests.kafka.test_webhooks import SECRETS

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=one"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(*SECRETS) as made:
        yield made


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as made:
        yield made


@pytest.fixture
def grpc_address(collector: Collector) -> Iterator[str]:
    with GrpcCollector(collector.spans).listening() as address:
        yield address


@pytest.fixture
async def site(loa: Installation) -> Installation:
    """An installation with webhooks, and an engine that dies at the first attempt of a text that says so."""
    loa.more = {
        "TTS_MODELS": f"tone,{NAME}",
        "TTS_SYNTHESIS_TRIES": "1",
        "TTS_RETRY_ATTEMPTS": "2",
        "TTS_RETRY_DELAY_SECONDS": "0.1",
        FOLDER: str(loa.folder),
        "TTS_WEBHOOK_SECRET": " ".join(SECRETS),
        "TTS_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    await loa.create_topics()
    return loa


def tree(spans: list[Seen], parent: str) -> list[object]:
    """Each span's service and name, with those that are part of it."""
    return [
        (f"{span.service} {span.name}", tree(spans, span.id)) if tree(spans, span.id) else f"{span.service} {span.name}"
        for span in spans
        if span.parent == parent
    ]


async def test_one_trace_from_the_call_to_the_webhook(
    site: Installation, receiver: Receiver, collector: Collector, grpc_address: str
) -> None:
    """The worker sends its spans over gRPC, and the others theirs over HTTP."""
    recorded = {"TTS_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    over_grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": grpc_address}
    worker = site.start_worker(**recorded | over_grpc)
    webhooks = site.run("webhooks", **recorded | {"OTEL_BSP_SCHEDULE_DELAY": "50"})
    gateway, address = start_gateway(site, **recorded)
    await webhooks.ready()
    await worker.ready()
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        assert (await client.get("/readyz", headers=TRACEPARENT)).status_code == 200
        answer = await client.post(
            "/api/tts/synthesize",
            json={"text": "One will die once.", "model": "faulty", "callback_url": receiver.url("ok", "one")},
            headers=TRACEPARENT | {"X-Request-ID": "one"},
        )
    assert answer.status_code == 200, answer.text

    await until(lambda: len(collector.of(TRACE)) >= 3, "the spans of the webhook")
    for process in (worker, gateway):
        process.send(signal.SIGTERM)
        assert await process.status() == 0, process.said
    spans = collector.of(TRACE)
    t = site.topic
    delivered = (
        "loa-webhooks send " + t("webhooks"),
        ["loa-webhooks POST webhook", f"loa-webhooks send {t('webhooks')}"],
    )
    second = (
        f"loa-worker process {t('requests.retry')}",
        [
            "loa-worker queue",
            "loa-worker find",
            "loa-worker synthesis",
            "loa-worker store",
            (f"loa-worker send {t('completed')}", [delivered]),
        ],
    )
    first = (
        f"loa-worker process {t('requests')}",
        [
            "loa-worker queue",
            "loa-worker find",
            "loa-worker synthesis",
            (f"loa-worker send {t('requests.retry')}", [second]),
        ],
    )
    call = ("loa-gateway POST /api/tts/synthesize", [(f"loa-gateway send {t('requests')}", [first])])
    assert tree(spans, CALLER) == [call]
    assert len(spans) == 16, "no other"
    check_what_is_said(site, spans, receiver)
    check_who_is_told(site, spans, receiver)
    (line,) = [line for line in map(orjson.loads, worker.said.splitlines()) if line["event"] == "will be tried again"]
    assert (line["request_id"], line["tenant"], line["trace_id"]) == ("one", "default", TRACE)


def check_what_is_said(site: Installation, spans: list[Seen], receiver: Receiver) -> None:
    one = {(span.name, span.attributes.get("loa.attempt")): span for span in spans}
    call = one["POST /api/tts/synthesize", None]
    assert (call.kind, call.attributes["http.response.status_code"]) == ("server", 200)
    failed, spoken = one["synthesis", 1], one["synthesis", 2]
    assert failed.failed and not spoken.failed
    assert spoken.events == ["chunk"]
    assert spoken.attributes["loa.audio_seconds"] > 0
    assert spoken.attributes["loa.model"] == "faulty" and spoken.attributes["loa.voice"]
    for attempt, topic in ((1, "requests"), (2, "requests.retry")):
        span = one[f"process {site.topic(topic)}", attempt]
        assert span.kind == "consumer"
        said = {"messaging.system": "kafka", "messaging.destination.name": site.topic(topic), "loa.request_id": "one"}
        assert said.items() <= span.attributes.items()
    assert one[f"process {site.topic('requests')}", 1].attributes["error.type"] == "synthesis_failed"
    assert one["POST webhook", None].kind == "client"
    assert one["POST webhook", None].attributes["server.port"] == receiver.port
    assert {span.kind for span in spans if span.name.startswith("send ")} == {"producer"}
    parents = {span.id: span for span in spans}
    for span in spans:
        if span.name in {"queue", "find", "synthesis", "store"}:
            assert parents[span.parent].began <= span.began <= span.ended <= parents[span.parent].ended


def check_who_is_told(site: Installation, spans: list[Seen], receiver: Receiver) -> None:
    (post,) = [span for span in spans if span.name == "POST webhook"]
    (told,) = receiver.traces["/ok/one"]
    assert told == {"traceparent": f"00-{TRACE}-{post.id}-01", "tracestate": "vendor=one"}


async def test_a_trace_is_passed_on_though_nobody_records_it(site: Installation, receiver: Receiver) -> None:
    await site.worker()
    webhooks = site.run("webhooks")
    _, address = start_gateway(site)
    await webhooks.ready()
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        answer = await client.post(
            "/api/tts/synthesize",
            json={"text": "One will die once.", "model": "faulty", "callback_url": receiver.url("ok", "one")},
            headers=TRACEPARENT | {"X-Request-ID": "one"},
        )
    assert answer.status_code == 200, answer.text
    await until(lambda: receiver.traces["/ok/one"], "the webhook")
    assert receiver.traces["/ok/one"] == [TRACEPARENT]
    async with site.reader("requests", "requests.retry", "progress", "completed", "webhooks") as reader:
        await reader.until(lambda: len(reader.of("webhooks")) == 2, "what became of the webhook")
        assert {event.short for event in reader.events} == {
            *("requests", "requests.retry", "progress", "completed", "webhooks")
        }
        for event in reader.events:
            assert event.headers["traceparent"].decode() == TRACEPARENT["traceparent"], event.short
    story = site.run("trace", "one")
    assert await story.status() == 0
    assert f"  trace {TRACE}\n" in story.printed


async def test_what_is_brought_back_stays_in_its_trace(site: Installation, collector: Collector) -> None:
    headers = [(name, text.encode()) for name, text in TRACEPARENT.items()]
    await site.write("requests", [(None, orjson.dumps(tone("lost", "Lost.")), headers)])
    await skip(site)
    recorded = {"TTS_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    reconciler = site.run("reconcile", "--grace", "0", "--interval", "0.2", **recorded)
    await reconciler.ready()
    await until(lambda: collector.of(TRACE), "the span of what is brought back")
    (sent,) = collector.of(TRACE)
    assert (sent.service, sent.name) == ("loa-reconciler", f"send {site.topic('requests')}")
    assert (sent.kind, sent.parent) == ("producer", CALLER)
    async with site.reader("requests") as reader:
        await reader.until(lambda: len(reader.of("requests")) == 2, "the copy")
        (copy,) = [event for event in reader.of("requests") if "loa-source" in event.headers]  # in whichever partition
        assert copy.headers["traceparent"].decode() == f"00-{TRACE}-{sent.id}-01"


def test_spans_go_over_grpc_to_who_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = GrpcCollector([])
    with collector.listening() as address:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        with traces.recording(settings.load({"TTS_TRACES": "otlp"}), "loa-test"), traces.span("one"):
            pass
    assert [(span.service, span.name) for span in collector.spans] == [("loa-test", "one")]


def test_without_traces_nothing_of_theirs_is_imported() -> None:
    code = "import streams.worker, streams.gateway.server, streams.readers.webhooks.service, sys; "
    code += "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
