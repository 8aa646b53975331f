"""The audit: the log beside the store, and every guarantee held against both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from aiokafka import ConsumerRecord, TopicPartition

from storage.files import AudioFiles
from storage.records import Record
from streams.readers.audit.findings import Finding, Kind, Report, Usage
from streams.readers.audit.log_checks import LogChecks, figures
from streams.readers.audit.respeak import choose, respeak
from streams.readers.audit.store_checks import StoreChecks
from streams.readers.audit.tables import Tables
from streams.readers.audit.window import Window
from streams.readers.group import committed_offsets
from streams.readers.replay import Progress, Replay, counted, open_replay
from streams.routes import request_topics
from streams.settings import Settings
from streams.topics import Topics

__all__ = ["Finding", "Kind", "Report", "Scope", "Usage", "audit"]

GRACE_SECONDS = 60.0

# Cause is looked up after effect: whatever effect was read, its cause was there before, and is read too. The group's
# offsets come before all of them, since what it has passed has its outcome already.
EFFECTS_FIRST = (("requests.dlq",), ("failed",), ("deleted",), ("completed",))

_USAGE = """
SELECT tenant, model, count(*) AS requests, CAST(sum(characters) AS INT) AS characters, sum(seconds) AS audio_seconds,
sum(cost) AS synthesis_seconds FROM
(SELECT * FROM completed WHERE created_at >= :since AND created_at < :until GROUP BY file)
GROUP BY tenant, model ORDER BY sum(cost) DESC
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What to audit. `grace`: seconds that events and clean-up may take beyond their time.

    `resynthesize`: how many results to speak again.
    """

    since: datetime | None = None
    until: datetime | None = None
    tenant: str | None = None
    grace: float = GRACE_SECONDS
    resynthesize: int = 0


def _silent(_: str, __: int, ___: int) -> None:
    pass


async def audit(settings: Settings, files: AudioFiles, scope: Scope, progress: Progress = _silent) -> Report:
    """Read the log to its present end, look at the store, and report. Memory does not grow with either.

    Raises TopicsError, KafkaError, ReplayError, StoreError, ModelError.
    """
    topics = Topics(settings)
    groups = (*EFFECTS_FIRST, request_topics(settings))
    shorts = {topics[short].name: short for group in groups for short in group}
    at = time()
    report = Report(datetime.fromtimestamp(at, UTC), scope.since, scope.until, scope.tenant)
    committed = await committed_offsets(settings)
    tables = Tables(settings, scope.tenant, committed, at - scope.grace)
    try:
        async with open_replay(settings, list(shorts)) as reader:
            for group in groups:
                await reader.window([topics[short].name for short in group], scope.since)
            window = Window(
                at=at,
                since=scope.since.timestamp() if scope.since else 0.0,
                until=min(scope.until.timestamp(), at + 1) if scope.until else at + 1e9,
                days=topics["requests"].retention_days,
                shorts=shorts,
                committed=committed,
                ranges=reader.ranges,
            )
            await _load(reader, tables, window, progress)
        progress("joining", 0, 0)
        checks = StoreChecks(tables, window, report, files, settings, scope.grace)
        checks.listed()
        tables.index()
        figures(tables, window, report)
        checks.announced(counted("looking at files", report.counts["completed"], progress))
        checks.unannounced()
        LogChecks(tables, window, report).run()
        chosen = _chosen(files, tables, scope.resynthesize)
        _conclude(tables, window, report)
    finally:
        tables.close()
    if chosen:
        await respeak(settings, files, chosen, report, counted("speaking again", len(chosen), progress))
    return report


async def _load(reader: Replay, tables: Tables, window: Window, progress: Progress) -> None:
    total = sum(span.end - span.start for span in window.ranges.values())
    seen = counted("reading the log", total, progress)

    def take(records: list[ConsumerRecord]) -> None:
        first = records[0]
        window.oldest.setdefault(TopicPartition(first.topic, first.partition), first.timestamp / 1000)
        tables.add(window.shorts[first.topic], records)

    await reader.into(window.shorts, take, seen)


def _chosen(files: AudioFiles, tables: Tables, most: int) -> list[Record]:
    rows = tables.rows("SELECT DISTINCT file FROM completed WHERE file IS NOT NULL ORDER BY file")
    return choose(files, (row["file"] for row in rows), most)


def _conclude(tables: Tables, window: Window, report: Report) -> None:
    usage = tables.rows(_USAGE, since=window.since, until=window.until)
    report.usage = [Usage(**{**row, "model": row["model"] or ""}) for row in usage]
    report.findings = {kind: report.findings[kind] for kind in Kind if kind in report.findings}
    report.notes = list(_notes(window, window.committed))


def _notes(window: Window, committed: Mapping[TopicPartition, int]) -> list[str]:
    notes = [
        f"{pair.topic}-{pair.partition} begins at offset {span.first}: retention has removed what was before"
        for pair, span in window.ranges.items()
        if span.first > 0 and span.start == span.first
    ]
    return notes if committed else [*notes, "the workers' group has committed nothing yet: all requests are pending"]
