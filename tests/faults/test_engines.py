"""Engines that die, hang, run out of memory, or deliver what is no speech: tried again, and in the end a failure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.engines import FAULTS, FOLDER, NAME
from tests.faults.load import load, tones
from tests.faults.settings import rounds
from tests.faults.site import Site
from tests.faults.waits import more_outcomes
from tests.kafka.processes import alive, until

NUMBERS = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")

CODES = {
    "die": "synthesis_failed",
    "hang": "synthesis_timeout",
    "fail": "synthesis_failed",
    "starve": "out_of_memory",
    "hoard": "out_of_memory",
    "nan": "audio_rejected",
    "cut": "audio_rejected",
    "mute": "audio_rejected",
}


def request(fault: str, how: str, number: int) -> dict[str, Any]:
    text = f"{NUMBERS[number % len(NUMBERS)]} will {fault} {how}."
    return {"request_id": f"{fault}-{how}-{number}", "text": text, "model": "faulty"}


async def test_engines_that_fail_in_every_way(site: Site) -> None:
    assert CODES.keys() == FAULTS.keys()
    site.more = {
        "TTS_MODELS": f"tone,{NAME}",
        "TTS_SYNTHESIS_TIMEOUT_SECONDS": "4",
        "TTS_SYNTHESIS_TRIES": "1",
        "TTS_RETRY_ATTEMPTS": "2",
        "TTS_ENGINE_MEMORY_MB": "400",
        FOLDER: str(site.folder),
    }
    times = rounds(1, 10)
    once = [request(fault, "once", number) for fault in FAULTS for number in range(times)]
    always = [request(fault, "always", number) for fault in FAULTS for number in range(times)]
    worker = site.start_worker()
    await site.produce(*tones(10), *once, *always, *tones(10, "between"))
    findings = await site.verify(len(once) + len(always))
    assert not worker.running
    evidence = await site.evidence()
    assert {name for _, name in evidence.completed} >= {request["request_id"] for request in once}
    codes = {name: events[0]["code"] for (_, name), events in evidence.failed.items()}
    assert codes.keys() == {request["request_id"] for request in always}
    for name, code in codes.items():  # where the machine is slow, taking memory may take too long
        assert code in {CODES[name.partition("-")[0]], "synthesis_timeout"}, name
    assert findings.completed == 20 + len(once)


@pytest.mark.long
async def test_engine_processes_killed_under_load(site: Site) -> None:
    kills = rounds(3, 50)
    async with load(site), site.reader("completed", "failed") as reader:
        worker = await site.worker()
        for _ in range(kills):
            await more_outcomes(reader, 10)
            for engine in worker.children():
                engine.kill()
        await more_outcomes(reader, 10)
        assert worker.running
    await site.verify(kills)


async def test_engine_processes_frozen_under_load(site: Site) -> None:
    site.more = {
        "TTS_ENGINE_HEARTBEAT_SECONDS": "2",
        "TTS_SYNTHESIS_TIMEOUT_SECONDS": "600",  # the deadline of a piece would find them too
    }
    freezes = rounds(2, 50)
    async with load(site), site.reader("completed", "failed") as reader:
        worker = await site.worker()
        for number in range(freezes):
            await more_outcomes(reader, 10)
            engines = worker.children()
            for engine in engines:
                engine.suspend()
            await until(lambda engines=engines: not alive(engines), "the end of a frozen engine process")
            (probe,) = tones(1, f"after-{number}")
            await site.produce(probe)
            await reader.answered(probe["request_id"])
        assert worker.running
        assert worker.said.count("no sign of life") >= freezes
    await site.verify(freezes)
