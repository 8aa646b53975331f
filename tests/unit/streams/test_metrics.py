"""Metrics: what was answered is counted, under names that Prometheus's own rules allow, and with bounded labels."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.engine import SpeakError
from streams import settings
from streams.metrics.declared import DECLARED, Part
from streams.metrics.registry import Metrics
from streams.metrics.worker import OTHER_TENANTS, WorkerMetrics
from tests.fakes import InProcessPool, Rig


def rig(pool: InProcessPool | None = None, **given: str) -> Rig:
    base = {"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "2"}
    return Rig(settings.load(base | given), pool)


def refusing(_: object) -> Any:
    raise SpeakError("not this one")


@pytest.mark.parametrize("metric", DECLARED, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric):
    assert re.fullmatch(r"loa_[a-z]+(_[a-z]+)*", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert not {"le", "job", "instance", "id", "request_id", "file_id"} & set(metric.labels)
    assert not metric.help.endswith(".")


def test_every_name_is_there_once():
    assert len({metric.name for metric in DECLARED}) == len(DECLARED)


@pytest.mark.parametrize("part", Part)
def test_a_part_exposes_its_own_and_no_others(part):
    body, content_type = Metrics(part).exposed()
    kinds = dict(re.findall(r"^# TYPE (loa_\w+) (\w+)$", body.decode(), re.MULTILINE))
    assert kinds == {metric.name: metric.kind for metric in DECLARED if part in metric.parts}
    assert content_type.startswith("text/plain")
    assert b"process_resident_memory_bytes" in body
    assert b"_created" not in body


async def test_what_is_spoken_is_counted():
    made = rig()
    made.ask(request_id="r")
    made.ask(request_id="r")
    await made.run()
    value = made.metrics.value
    (event,) = made.writer.of("completed")
    assert value("loa_requests_total", outcome="completed", code="ok", model="tone") == 1
    assert value("loa_repeated_records_total") == 1
    assert value("loa_audio_seconds_total", model="tone") == event.duration_seconds
    assert value("loa_characters_total", model="tone") == event.characters
    assert value("loa_audio_bytes_total") == event.file_size
    assert (
        value("loa_synthesis_seconds_count", model="tone") == value("loa_queue_seconds_count", lane="interactive") == 1
    )
    await made.run()
    assert value("loa_audio_seconds_total", model="tone") == event.duration_seconds, "it was spoken once"
    assert value("loa_repeated_records_total") == 3


async def test_what_fails_is_counted_by_its_code():
    made = rig(InProcessPool(instead=refusing))
    made.ask(request_id="passing")
    made.ask(request_id="last", headers=[("loa-attempt", b"2")])
    made.ask(request_id="unknown", model="gpt-voice")
    made.log.append(b"no json")
    await made.run()
    value = made.metrics.value
    assert value("loa_retries_total", code="synthesis_failed") == 1
    assert value("loa_retries_total", code="storage_failed") == 0, "known before it happens"
    assert value("loa_requests_total", outcome="failed", code="synthesis_failed", model="tone") == 1
    assert value("loa_requests_total", outcome="failed", code="unknown_model", model="none") == 1
    assert value("loa_requests_total", outcome="failed", code="invalid_request", model="none") == 1
    assert value("loa_requests_total", outcome="completed", code="ok", model="tone") is None


def test_what_can_happen_to_a_model_is_known_before_it_happens():
    metrics = WorkerMetrics()
    metrics.serves(["tone", "hibari"])
    for model in ("tone", "hibari"):
        assert metrics.value("loa_requests_total", outcome="completed", code="ok", model=model) == 0
        assert metrics.value("loa_requests_total", outcome="failed", code="internal", model=model) == 0
        assert metrics.value("loa_gate_rejections_total", model=model, criterion="looping") == 0
    assert metrics.value("loa_requests_total", outcome="failed", code="invalid_request", model="none") == 0


async def test_what_may_wait_is_counted_as_moved():
    made = rig()
    made.ask(request_id="r", priority="bulk")
    await made.run()
    assert made.metrics.value("loa_moved_records_total", to="bulk") == 1


async def test_tenants_have_no_metrics_unless_they_are_asked_for():
    made = rig()
    made.ask(tenant="a")
    await made.run()
    assert b'tenant="' not in made.metrics.exposed()[0]


async def test_tenants_beyond_the_bound_share_one():
    made = rig(TTS_METRICS_TENANTS="2")
    for name in ("a", "b", "c", "d", "a"):
        made.ask(tenant=name)
        await made.run()
        made.log.deliveries.clear()
    found = {
        tenant: made.metrics.value("loa_tenant_requests_total", tenant=tenant, outcome="completed")
        for tenant in ("a", "b", "c", "d", OTHER_TENANTS)
    }
    assert found == {"a": 2, "b": 1, "c": None, "d": None, OTHER_TENANTS: 2}
    assert made.metrics.value("loa_tenant_audio_seconds_total", tenant=OTHER_TENANTS)


def test_engines_tell_how_they_do():
    metrics = WorkerMetrics()
    metrics.spoke("hibari", 4.0, 1.0, 3)
    metrics.rejected("hibari", "silence")
    metrics.replaced(("hibari", "espeak"))
    assert metrics.value("loa_engine_real_time_factor_sum", model="hibari") == 0.25
    assert metrics.value("loa_engine_piece_seconds_sum", model="hibari") == 1
    assert metrics.value("loa_engine_batch_pieces_bucket", model="hibari", le="2.0") == 0
    assert metrics.value("loa_engine_batch_pieces_bucket", model="hibari", le="4.0") == 1
    assert metrics.value("loa_gate_rejections_total", model="hibari", criterion="silence") == 1
    assert metrics.value("loa_engine_restarts_total", models="hibari,espeak") == 1
