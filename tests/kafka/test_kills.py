"""kill -9 of the worker, again and again in the middle of its work: nothing is lost, nothing is there twice."""

from __future__ import annotations

from typing import Any

from tests.kafka.installation import Installation
from tests.kafka.processes import alive, until
from tests.kafka.reader import Reader

REQUESTS, KILLS, BETWEEN = 200, 5, 12


def requests() -> list[dict[str, Any]]:
    """Most at once, every tenth spoken by a voice that takes a while."""
    made = []
    for number in range(REQUESTS):
        spoken = number % 10 == 5
        text = f"Request number {number} is in hand when the power goes." if spoken else f"Tone {number}. " * 20
        made.append({"request_id": f"kill-{number}", "text": text, "model": "hibari" if spoken else "tone"})
    return made


async def kill_in_the_middle(loa: Installation, reader: Reader) -> None:
    """Start a worker and kill it while it has requests in hand; what it started has to end too."""
    worker = await loa.worker()
    before = len(reader.outcomes())
    await reader.until(lambda: len(reader.outcomes()) >= before + BETWEEN, "the worker at work")
    started = worker.children()
    assert started
    worker.kill()
    assert len(reader.outcomes()) < REQUESTS
    await until(lambda: not alive(started), "the end of the engine processes")


async def test_five_kills_under_two_hundred_requests(loa: Installation) -> None:
    loa.more = {"TTS_MODELS": "hibari,tone", "TTS_WINDOW_REQUESTS": "16"}
    await loa.create_topics()
    await loa.produce(*requests())
    async with loa.reader("completed", "failed") as reader:
        for _ in range(KILLS):
            await kill_in_the_middle(loa, reader)
        worker = await loa.worker()
        await reader.answered(*(request["request_id"] for request in requests()))
        await loa.settled()
        await reader.to_end()
        outcomes = reader.outcomes()
    assert len(outcomes) == REQUESTS
    for request_id, events in outcomes.items():
        assert {event.short for event in events} == {"completed"}, request_id
        same = {(e.ce_id, e["file_id"], e["sha256"], e["pcm_sha256"], e["created_at"], e["worker"]) for e in events}
        assert len(same) == 1, request_id
    on_disk = {event["file_path"].rpartition("/")[2]: event["sha256"] for (event, *_) in outcomes.values()}
    assert loa.audio() == on_disk
    assert len(list(loa.storage.glob("metadata/*.json"))) == REQUESTS
    assert loa.unfinished() == []
    assert len(list(loa.storage.glob("tmp/w-*.lock"))) == 1, "the living worker's alone"
    assert worker.running
