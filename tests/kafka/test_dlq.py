"""What failed is put back under its own id and name, and spoken once the cause is gone."""

from __future__ import annotations

import signal
from typing import Any

from tests.kafka.installation import Installation
from tests.kafka.test_audit import audited, tone

MISSING: list[dict[str, Any]] = [
    {"request_id": "later", "text": "There is a voice later.", "model": "espeak", "tenant": "acme"},
    {"text": "Named by its place.", "model": "espeak"},
]


async def dlq(loa: Installation, *arguments: str) -> list[dict[str, Any]]:
    command = loa.run("dlq", *arguments, "--json")
    assert await command.status() == 0, command.said
    return command.lines


async def test_failed_requests_are_listed_shown_and_put_back(loa: Installation) -> None:
    worker = await loa.worker()
    places = await loa.produce(*MISSING, b"\xff not json", tone("fine", "Nothing is wrong."))
    await loa.settled()
    listed = await dlq(loa, "list")
    assert {(row["place"], row["request_id"], row["code"], row["attempt"]) for row in listed} == {
        (places[0], "later", "unknown_model", 1),
        (places[1], places[1], "unknown_model", 1),
        (places[2], places[2], "invalid_request", 1),
    }
    assert [row["place"] for row in await dlq(loa, "list", "--code", "invalid_request")] == [places[2]]
    (shown,) = await dlq(loa, "show", places[2])
    assert shown["value_base64"] and shown["headers"]["__streams.errors.offset"] == places[2].rpartition("-")[2]

    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    assert [row["put_back"] for row in await dlq(loa, "redrive", "--id", "later", "--dry-run")] == [False]
    back = await dlq(loa, "redrive", "--code", "unknown_model")
    assert {(row["request_id"], row["source"], row["attempt"]) for row in back} == {
        ("later", places[0], 2),
        (places[1], places[1], 2),
    }
    await loa.worker(TTS_MODELS="tone,espeak")
    async with loa.reader("requests", "completed", "failed") as reader:
        await reader.until(lambda: len(reader.of("completed")) == 3, "both are spoken")
        await loa.settled()
        await reader.to_end()
        copies = [event for event in reader.of("requests") if "loa-source" in event.headers]
        assert len(copies) == 2
        first = next(e for e in reader.of("requests") if e.at[1:] == tuple(map(int, places[0].rsplit("-", 2)[1:])))
        again = next(event for event in copies if event.headers["loa-source"] == places[0].encode())
        assert (again.record.key, again.record.value) == (first.record.key, first.record.value)
        assert again.headers["loa-attempt"] == b"2"
        assert not any(name.startswith("__streams") for name in again.headers)
        for request_id in ("later", places[1]):
            (failed,) = reader.of("failed", request_id=request_id)
            (completed,) = reader.of("completed", request_id=request_id)
            assert (failed["attempts"], completed["attempts"]) == (1, 2)
            assert completed["file_id"] == failed["file_id"]
    spoken = {row["request_id"]: row["spoken"] for row in await dlq(loa, "list")}
    assert spoken == {"later": True, places[1]: True, places[2]: False}
    assert [row["request_id"] for row in await dlq(loa, "redrive", "--dry-run")] == [places[2]]
    report = await audited(loa)
    assert report.findings == {}, "a copy is no further request, and the failure is superseded"
    assert report.counts["requests"] == 4
    assert report.counts["records"] == 6


async def test_what_fails_again_counts_its_attempts(loa: Installation) -> None:
    await loa.worker()
    (place,) = await loa.produce(MISSING[0], key=b"key")
    await loa.settled()
    for attempt in (2, 3):
        (row,) = await dlq(loa, "redrive")
        assert (row["source"], row["attempt"]) == (place, attempt)
        await loa.settled()
    assert len(await dlq(loa, "list")) == 3
    (twin,) = await loa.produce(MISSING[0], key=b"key")
    await loa.settled()
    again = {row["source"]: row["attempt"] for row in await dlq(loa, "redrive", "--dry-run")}
    assert again == {place: 4, twin: 4}, "of one id, the next try is the next for all its records"
    report = await audited(loa)
    assert report.findings == {}
    assert (report.counts["requests"], report.counts["dead_letters"]) == (2, 4)


async def test_trace_and_replay_tell_the_story(loa: Installation) -> None:
    await loa.worker()
    (place,) = await loa.produce(MISSING[1], key=b"key")
    await loa.produce(tone("told", "A short story."), tone("other", "Another."))
    await loa.settled()
    command = loa.run("trace", "told", "--json")
    assert await command.status() == 0
    *steps, stored = command.lines
    assert [step["topic"] for step in steps] == ["requests", "progress", "progress", "completed"]
    assert stored["store"] == "record" and stored["metadata"]["request_id"] == "told"
    by_file = loa.run("trace", stored["file_id"], "--json")
    assert await by_file.status() == 0
    assert by_file.lines == command.lines
    for_people = loa.run("trace", place)
    assert await for_people.status() == 0
    assert await loa.run("trace", "nobody").status() == 1

    replayed = loa.run("replay", "--topic", "requests", "--topic", "failed", "--topic", "requests.dlq")
    assert await replayed.status() == 0
    assert len(replayed.lines) == 3 + 1 + 1
    mine = loa.run("replay", "--request-id", place)
    assert await mine.status() == 0
    assert sorted(line["topic"].removeprefix(f"{loa.name}.") for line in mine.lines) == [
        "failed",
        "requests",
        "requests.dlq",
    ]
    now = loa.run("replay", "--since", "0s")
    assert await now.status() == 0
    assert now.lines == []
