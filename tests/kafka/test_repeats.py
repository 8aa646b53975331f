"""One request id has one result, however often it is delivered: repeated, rewound, in conflict, long expired."""

from __future__ import annotations

import signal
from typing import Any

from tests.kafka.installation import Installation
from tests.kafka.reader import Event

TIMES = 100
LASTING: dict[str, Any] = {"request_id": "lasting", "text": "The same request, a hundred times.", "model": "hibari"}
PASSING: dict[str, Any] = {
    "request_id": "passing",
    "text": "Gone before it is asked for again.",
    "expiry_hours": 0.0005,
}
OTHER = LASTING | {"text": "Other content under the same name."}


def same(events: list[Event]) -> Event:
    """One of them, after all have told the same."""
    assert len({(event.ce_id, event.record.value) for event in events}) == 1
    return events[0]


async def send(loa: Installation, *requests: dict[str, Any]) -> None:
    """Under various keys, so that they land on all partitions."""
    for number, request in enumerate(requests):
        await loa.produce(request, key=b"key-%d" % number)


async def test_repeats_and_rewinds_give_one_result(loa: Installation) -> None:
    loa.more = {"TTS_MODELS": "hibari", "TTS_CLEANUP_INTERVAL_MINUTES": "0.02"}
    worker = await loa.worker()
    await send(loa, *[LASTING] * TIMES, *[PASSING] * 3)
    assert len(await loa.ends()) > 1, "several partitions"
    async with loa.reader("progress", "completed", "failed", "deleted", "requests.dlq") as reader:
        await reader.answered("lasting", "passing")
        await loa.settled()
        await send(loa, OTHER)
        await loa.settled()
        await reader.until(lambda: reader.of("deleted"), "the passing file's clean-up")
        audio = loa.audio()
        conflict = same(reader.of("failed"))
        before = {name: same(reader.of("completed", request_id=name)) for name in ("lasting", "passing")}
        count = len(reader.of("completed"))

        worker.send(signal.SIGTERM)
        assert await worker.status() == 0
        await loa.rewind()
        await loa.worker()
        await loa.settled()
        await reader.to_end()

        assert len(reader.of("completed")) > count, "told again"
        for name, event in before.items():
            again = same(reader.of("completed", request_id=name))
            assert again.ce_id == event.ce_id
            assert len(reader.of("progress", request_id=name, state="started")) == 1, f"{name} was spoken once"
        assert conflict["code"] == "request_conflict" and "lasting" in conflict["message"]
        assert {event.ce_id for event in reader.of("failed")} == {conflict.ce_id}
        assert len(reader.of("failed")) == 2
        assert reader.of("requests.dlq") == []
        assert {event["request_id"] for event in reader.of("deleted")} == {"passing"}
    lasting = before["lasting"]
    assert loa.audio() == audio == {f"{lasting['file_id']}.wav": lasting["sha256"]}
    tombstone = loa.metadata(before["passing"]["file_id"])
    assert tombstone["reason"] == "expired" and "text" not in tombstone
