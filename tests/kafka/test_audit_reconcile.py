"""Requests that the group was made to skip are brought back, each once, and spoken."""

from __future__ import annotations

import signal

from streams.kafka import EventWriter
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.readers.reconcile import Reconciler
from streams.settings import load
from streams.topics import Topics
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.scrape import scrape
from tests.kafka.test_audit import audited, tone
from tests.kafka.test_audit_damage import skip


async def test_skipped_requests_come_back_once(loa: Installation) -> None:
    await loa.create_topics()
    settings = load(loa.settings)
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    try:
        skipped = await loa.produce(*[tone(f"skipped-{number}", f"Skipped {number}.") for number in range(5)])
        nameless = await loa.produce({"text": "Named by its place.", "model": "tone"}, key=b"key")
        await skip(loa)
        await loa.produce(tone("waiting", "Not passed yet."))
        metrics = Metrics(Part.RECONCILER)
        reconciler, other = (Reconciler(settings, writer, metrics, grace=0) for _ in range(2))
        assert await reconciler.once() == 6
        assert await reconciler.once() == 0, "their copies wait for a worker"
        assert await other.once() == 0, "so does another one find"
        assert metrics.value("loa_reconciler_brought_back_total") == 6
        await loa.worker()
        await loa.settled()
        async with loa.reader("completed", "failed", "requests") as reader:
            outcomes = await reader.answered(*(f"skipped-{number}" for number in range(5)), *nameless, "waiting")
            await reader.to_end()
            copies = [event.headers["loa-source"].decode() for event in reader.of("requests") if event.headers]
        assert sorted(copies) == sorted([*skipped, *nameless])
        assert all(len(events) == 1 and events[0].short == "completed" for events in outcomes.values())
        assert await reconciler.once() == 0
        assert reconciler.brought_back == 6
        report = await audited(loa)
        assert report.findings == {}
        assert report.counts["requests"] == 7
    finally:
        await writer.stop()


async def test_the_command_brings_them_back_while_it_runs(loa: Installation) -> None:
    await loa.create_topics()
    await loa.produce(tone("skipped", "Skipped."))
    await skip(loa)
    reconciler = loa.run("reconcile", "--grace", "0", "--interval", "0.2")
    assert (await reconciler.ready())["group"] == loa.name
    await loa.worker()
    async with loa.reader("completed", "failed") as reader:
        outcomes = await reader.answered("skipped")
    assert [event.short for event in outcomes["skipped"]] == ["completed"]
    seen = await scrape(reconciler.lines[0]["health"])
    assert seen.value("loa_reconciler_brought_back_total") == 1
    assert seen.value("loa_reconciler_looks_total", result="ok") >= 1
    assert seen.value("loa_reconciler_last_look_timestamp_seconds") > 0
    reconciler.send(signal.SIGTERM)
    await until(lambda: reconciler.popen.poll() is not None, "the reconciler's end")
    assert reconciler.popen.poll() == 0
