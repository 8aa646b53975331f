"""A healthy installation is audited without a finding, whatever it went through, and while it is at work."""

from __future__ import annotations

import signal
from typing import Any

import orjson

from streams.parts import open_files
from streams.readers.audit import Report, Scope, audit
from streams.settings import load
from tests.kafka.installation import Installation
from tests.kafka.reader import Reader


def tone(name: str | None, text: str, **more: Any) -> dict[str, Any]:
    return {"request_id": name, "text": text, "model": "tone"} | more


PASSING = tone("passing", "Gone soon.", expiry_hours=0.0005)
CONFLICT = tone("tone-0", "Other content under the same name.")
BAD: list[Any] = [b"not json", b"", {"request_id": "silent"}, tone(None, "x", model="nobody"), tone(None, "x", speed=9)]
STRICT = Scope(grace=0)


def tones(count: int, tenant: str | None = None) -> list[dict[str, Any]]:
    more = {"tenant": tenant} if tenant else {}
    return [tone(f"tone-{number}", f"This is number {number}.", **more) for number in range(count)]


async def audited(loa: Installation, scope: Scope = STRICT) -> Report:
    """An audit in this process, which is faster to start than a command."""
    settings = load(loa.settings)
    files = open_files(settings)
    try:
        return await audit(settings, files, scope)
    finally:
        files.store.close()


async def until_healthy(loa: Installation, reader: Reader) -> None:
    """All is answered, and the expired file is gone."""
    await loa.settled()
    await reader.until(lambda: reader.of("deleted"), "the passing file's clean-up")


async def test_a_healthy_run_has_no_findings(loa: Installation) -> None:
    loa.more = {"TTS_CLEANUP_INTERVAL_MINUTES": "0.02"}
    worker = await loa.worker()
    await loa.produce(*tones(12), *tones(3, "another"), PASSING, *BAD, tone(None, "Named by its place."))
    await loa.settled()
    await loa.produce(CONFLICT, tones(1)[0])
    async with loa.reader("deleted") as reader:
        await until_healthy(loa, reader)
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0
    first = await audited(loa)
    assert first.findings == {}

    await loa.rewind()
    await loa.produce(*[tone(f"waiting-{number}", "Nobody is there.") for number in range(7)])
    report = await audited(loa)
    assert report.findings == {}, "nothing has passed what waits"
    assert report.counts["pending"] == 7

    await loa.worker()
    await loa.settled()
    report = await audited(loa)
    assert report.findings == {}
    assert report.counts["pending"] == 0
    assert report.counts["requests"] == 12 + 3 + 1 + len(BAD) + 1 + 2 + 7
    assert report.counts["completed"] == 12 + 3 + 1 + 1 + 7
    assert report.failures == {"invalid_request": 4, "unknown_model": 1, "request_conflict": 1}
    assert report.dead_letters == {"invalid_request": 4, "unknown_model": 1}
    assert {(each.tenant, each.model, each.requests) for each in report.usage} == {
        ("default", "tone", 21),
        ("another", "tone", 3),
    }
    assert all(each.audio_seconds > 0 and each.synthesis_seconds > 0 for each in report.usage)

    theirs = await audited(loa, Scope(tenant="another", grace=0))
    assert theirs.held
    assert (theirs.counts["requests"], theirs.counts["completed"]) == (3, 3)
    late = await audited(loa, Scope(since=report.at, grace=0))
    assert late.held
    assert late.counts["requests"] == 0


async def test_requests_in_flight_are_pending(loa: Installation) -> None:
    await loa.worker()
    requests = [tone(f"flow-{number}", f"Number {number}. " * 10) for number in range(300)]
    await loa.produce(*requests)
    pending, reports = 1, 0
    while pending:
        report = await audited(loa)
        assert report.findings == {}
        pending, reports = report.counts["pending"], reports + 1
    assert report.counts["completed"] == 300
    assert reports > 1


async def test_the_command(loa: Installation) -> None:
    await loa.worker()
    await loa.produce(*tones(2), b"not json")
    await loa.settled()
    page = loa.folder / "audit.html"
    command = loa.run("audit", "--json", "--resynthesize", "5", "--html", str(page))
    assert await command.status() == 0, command.said
    (report,) = command.lines
    assert report["held"] and report["counts"]["requests"] == 3
    assert report["counts"]["spoken_again"] == 2
    assert "every guarantee held" in page.read_text()
    for path in loa.storage.glob("metadata/*.json"):
        path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"text": "It was not this."}))
    command = loa.run("audit", "--json", "--resynthesize", "1", "--grace", "0")
    assert await command.status() == 1
    assert {kind: found["count"] for kind, found in command.lines[0]["findings"].items()} == {"resynthesis_differs": 1}
    for path in loa.storage.glob("*.wav"):
        path.unlink()
    command = loa.run("audit", "--json", "--grace", "0")
    assert await command.status() == 1
    assert command.lines[0]["findings"]["audio_missing"]["count"] == 2
    assert await loa.run("audit", "--since", "yesterday").status() == 2
