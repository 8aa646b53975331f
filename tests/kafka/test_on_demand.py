"""A worker with an engine that speaks several pieces at once, and models that are loaded when they are asked for."""

from __future__ import annotations

from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import Loa, until
from tests.kafka.scrape import scrape

BATCH, BROKEN = "tests.engines.batch_engines:BatchTone", "tests.engines.odd_engines:Broken"


async def test_models_come_at_their_first_request_and_go(loa: Installation) -> None:
    loa.more = {"TTS_MODELS": f"tone,{BATCH}", "TTS_MODELS_ON_DEMAND": BATCH, "TTS_MODEL_IDLE_MINUTES": "0.01"}
    worker = await loa.worker()
    before = len(worker.children())
    for turn in range(2):
        names = [f"{turn}-{number}" for number in range(10)]
        await loa.produce(*({"request_id": name, "text": "Several at once.", "model": "batch"} for name in names))
        async with loa.reader("completed", "failed") as reader:
            outcomes = await reader.answered(*names)
        assert {event.short for events in outcomes.values() for event in events} == {"completed"}
        await until(lambda: worker.said.count("is unloaded") == turn + 1, "its unloading")  # noqa: B023
        await until(lambda: len(worker.children()) == before, "its process to end")


async def test_a_model_that_cannot_be_loaded_fails_its_requests_alone(loa: Installation) -> None:
    loa.more = {
        "TTS_MODELS": f"tone,{BROKEN}",
        "TTS_MODELS_ON_DEMAND": BROKEN,
        "TTS_RETRY_ATTEMPTS": "2",
        "TTS_RETRY_DELAY_SECONDS": "0.1",
    }
    worker = await loa.worker()
    await loa.produce(
        {"request_id": "broken", "text": "Nobody speaks this.", "model": "odd"},
        {"request_id": "tone", "text": "This is spoken.", "model": "tone"},
        b"no request",
    )
    async with loa.reader("completed", "failed", "requests.dlq") as reader:
        outcomes = await reader.answered("broken", "tone")
        await reader.until(lambda: reader.of("requests.dlq"), "the dead letter")
    (failed,), (completed,) = outcomes["broken"], outcomes["tone"]
    assert (failed["code"], failed["attempts"], completed.short) == ("synthesis_failed", 2, "completed")
    assert "cannot be loaded: OSError: the weights are gone" in failed["message"]
    assert worker.running
    await loa.settled()
    await counted(worker, completed["duration_seconds"], completed["file_size"])


async def counted(worker: Loa, seconds: float, size: int) -> None:
    """A worker's metrics tell of one request spoken, one tried twice in vain, and one that was none."""
    seen = await scrape(worker.lines[0]["health"])
    assert seen.value("loa_requests_total", outcome="completed", code="ok", model="tone") == 1
    assert seen.value("loa_requests_total", outcome="failed", code="synthesis_failed", model="odd") == 1
    assert seen.value("loa_requests_total", outcome="failed", code="invalid_request", model="none") == 1
    assert seen.value("loa_requests_total") == 3
    assert seen.value("loa_retries_total", code="synthesis_failed") == seen.value("loa_retries_total") == 1
    assert seen.value("loa_audio_seconds_total", model="tone") == seconds
    assert seen.value("loa_audio_bytes_total") == size
    assert seen.value("loa_queue_seconds_count", lane="interactive") == 1, "no engine began with the others"
    assert seen.value("loa_engine_piece_seconds_count", model="tone") == 1
    assert seen.value("loa_engine_processes") == seen.value("loa_engine_processes_wanted") == 1
    assert seen.value("loa_assigned_partitions", topic="requests") == PARTITIONS
    assert seen.value("loa_rebalances_total") >= 1
    held = ("loa_in_hand_requests", "loa_in_hand_seconds", "loa_in_hand_bytes", "loa_window_age_seconds")
    assert [seen.value(name) for name in (*held, "loa_consumer_lag_records", "loa_read_ahead_bytes")] == [0] * 6
