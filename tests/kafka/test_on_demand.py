"""A worker with an engine that speaks several pieces at once, and models that are loaded when they are asked for."""

from __future__ import annotations

from tests.kafka.installation import Installation
from tests.kafka.processes import until

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
    )
    async with loa.reader("completed", "failed", "requests.dlq") as reader:
        outcomes = await reader.answered("broken", "tone")
        await reader.until(lambda: reader.of("requests.dlq"), "the dead letter")
    (failed,), (completed,) = outcomes["broken"], outcomes["tone"]
    assert (failed["code"], failed["attempts"], completed.short) == ("synthesis_failed", 2, "completed")
    assert "cannot be loaded: OSError: the weights are gone" in failed["message"]
    assert worker.running
