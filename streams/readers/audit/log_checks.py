"""What the log alone can show: every request has one outcome, and every outcome a request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.records import iso
from streams.errors import REASONS, ErrorCode
from streams.readers.audit.findings import Example, Kind, Report
from streams.readers.audit.tables import Tables
from streams.readers.audit.window import Window

SLACK_SECONDS = 60.0
"""What clocks of brokers and workers, and writes that belong together, may lie apart at the window's edge."""

# An outcome answers a request if it is about the same content: a conflict is about its own, and what could not be
# understood is named by its record.
_UNANSWERED = """
SELECT a.source, a.request_id, a.tenant, a.time, a.file FROM ask a
WHERE a.time < :until AND a.rowid IN (SELECT min(rowid) FROM ask GROUP BY source HAVING max(pending) = 0)
AND NOT EXISTS (
    SELECT 1 FROM completed c WHERE c.file = a.file AND (a.text IS NULL OR c.text IS NULL OR c.text = a.text)
    AND NOT EXISTS (SELECT 1 FROM content s WHERE s.file = a.file AND a.content <> s.content)
) AND NOT EXISTS (
    SELECT 1 FROM failed f WHERE f.file = a.file AND (
        f.source IN (SELECT b.place FROM ask b WHERE b.source = a.source)
        OR a.content IS NULL AND f.code <> 'request_conflict' OR f.content = a.content
    )
)
"""

# A failure gives way to a later attempt, and to the outcome of another record with the same id.
_TWO_OUTCOMES = """
SELECT c.request_id, c.tenant, c.file, c.place, f.place AS other, f.code
FROM failed f JOIN completed c ON c.file = f.file
WHERE f.code <> 'request_conflict' AND f.time < :until
AND NOT (c.attempts > f.attempts AND c.time >= f.time)
AND EXISTS (SELECT 1 FROM ask a WHERE a.file = f.file) AND NOT EXISTS (
    SELECT 1 FROM ask a WHERE a.file = f.file
    AND a.source <> coalesce((SELECT b.source FROM ask b WHERE b.place = f.source LIMIT 1), f.source)
)
GROUP BY f.file
"""
_TWO_RESULTS = """
SELECT request_id, tenant, file, min(place) AS place, max(place) AS other FROM completed WHERE file IN (
    SELECT file FROM completed GROUP BY file HAVING count(*) > 1 AND
    (min(sha256) IS NOT max(sha256) OR min(pcm_sha256) IS NOT max(pcm_sha256))
) GROUP BY file
"""
_DEAD_UNFAILED = """
SELECT request_id, tenant, file, place, died_at, code, time FROM dead d WHERE time < :until AND time > :since
AND NOT EXISTS (SELECT 1 FROM failed f WHERE f.file = d.file AND f.code = d.code)
"""
_UNDEAD = """
SELECT f.request_id, f.tenant, f.file, f.place, f.code, f.time FROM failed f
WHERE f.time < :until AND f.time > :since AND f.code IN (SELECT value FROM json_each(:codes))
AND EXISTS (SELECT 1 FROM ask a WHERE a.file = f.file)
AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.file = f.file AND a.pending)
AND NOT EXISTS (SELECT 1 FROM dead d WHERE d.file = f.file AND d.code = f.code)
GROUP BY f.file
"""
_UNASKED = """
SELECT request_id, tenant, file, place, asked_at AS time, NULL AS source FROM completed c
WHERE NOT EXISTS (SELECT 1 FROM ask a WHERE a.file = c.file) GROUP BY file, place
UNION ALL
SELECT request_id, tenant, file, place, time, source FROM failed f
WHERE NOT EXISTS (SELECT 1 FROM ask a WHERE a.file = f.file)
"""
_EARLY = """
SELECT c.request_id, c.tenant, c.file, d.place, d.deleted_at, c.expires_at FROM deleted d JOIN completed c
ON c.file = d.file WHERE d.reason = 'expired' AND d.deleted_at < c.expires_at GROUP BY d.file
"""


@dataclass(frozen=True, slots=True)
class LogChecks:
    """Adds to a report what the tables of a window show."""

    tables: Tables
    window: Window
    report: Report

    def run(self) -> None:
        """All checks."""
        rows, report = self.tables.rows, self.report
        until = self.window.until
        since = self.window.since + SLACK_SECONDS if self.window.since else 0.0
        self._unanswered()
        report.add(Kind.TWO_OUTCOMES, map(told, rows(_TWO_OUTCOMES, until=until)))
        report.add(Kind.TWO_OUTCOMES, map(told, rows(_TWO_RESULTS)))
        self._unasked()
        beginning = max(since, self.window.horizon("failed"))
        unfailed = rows(_DEAD_UNFAILED, until=until, since=beginning)
        report.add(Kind.DEAD_LETTER_WITHOUT_FAILURE, map(told, unfailed))
        codes = [code.value for code in ErrorCode if REASONS[code].dead_letter]
        beginning = max(since, self.window.horizon("requests.dlq"))
        undead = rows(_UNDEAD, until=until, since=beginning, codes=str(codes).replace("'", '"'))
        report.add(Kind.FAILURE_WITHOUT_DEAD_LETTER, map(told, undead))
        report.add(Kind.DELETED_EARLY, map(told, rows(_EARLY)))
        report.add(Kind.RETENTION_GAP, self.window.unread())

    def _unanswered(self) -> None:
        """What retention took of the outcomes' topics is a gap of its own: nobody knows what was there."""
        horizon = max(self.window.horizon("completed"), self.window.horizon("failed"))
        for row in self.tables.rows(_UNANSWERED, until=self.window.until):
            kind = Kind.REQUEST_WITHOUT_OUTCOME if row["time"] >= horizon else Kind.RETENTION_GAP
            self.report.add(kind, [told(row)])

    def _unasked(self) -> None:
        """An outcome whose request is not in the window: before it, taken by retention, or forged."""
        outside = 0
        for row in self.tables.rows(_UNASKED):
            verdict = self.window.verdict(row["time"], row["source"])
            if verdict is None:
                outside += 1
            else:
                self.report.add(verdict, [told(row)])
        self.report.counts["out_of_window"] = outside


def told(row: dict[str, Any]) -> Example:
    """A row as an example: without what is empty, and times as ISO 8601."""
    shown = {name: value for name, value in row.items() if value is not None}
    return {name: _iso(value) if isinstance(value, float) else value for name, value in shown.items()}


def _iso(stamp: float) -> str:
    return iso(datetime.fromtimestamp(stamp).astimezone())


def figures(tables: Tables, window: Window, report: Report) -> None:
    """Counts beside the findings."""
    until = window.until
    report.counts |= {
        "records": tables.number("SELECT count(*) FROM ask WHERE time < :until", until=until),
        "requests": tables.number("SELECT count(DISTINCT source) FROM ask WHERE time < :until", until=until),
        "pending": tables.number(
            "SELECT count(DISTINCT source) FROM ask a WHERE pending AND time < :until AND NOT EXISTS (SELECT 1 FROM "
            "completed c WHERE c.file = a.file) AND NOT EXISTS (SELECT 1 FROM failed f WHERE f.file = a.file)",
            until=until,
        ),
        "completed": tables.number("SELECT count(DISTINCT file) FROM completed"),
        "failed": tables.number(
            "SELECT count(DISTINCT f.file || f.code || coalesce(f.content, '')) FROM failed f "
            "WHERE NOT EXISTS (SELECT 1 FROM completed c WHERE c.file = f.file) OR f.code = 'request_conflict'"
        ),
        "deleted": tables.number("SELECT count(DISTINCT file) FROM deleted"),
        "dead_letters": tables.number("SELECT count(DISTINCT coalesce(died_at, place)) FROM dead"),
    }
    report.dead_letters = _by_code(tables, "SELECT code, count(DISTINCT coalesce(died_at, place)) AS n FROM dead")
    report.failures = _by_code(tables, "SELECT code, count(DISTINCT file || coalesce(content, '')) AS n FROM failed")
    report.history = list(_history(tables, window))


def _by_code(tables: Tables, query: str) -> dict[str, int]:
    return {row["code"] or "": row["n"] for row in tables.rows(f"{query} GROUP BY code ORDER BY n DESC")}


SLICES = 48


def _history(tables: Tables, window: Window) -> Iterator[tuple[datetime, int, int, int]]:
    """Requests, completed and failed in each of so many slices of the time in which there were requests."""
    span = next(tables.rows("SELECT min(time) AS first, max(time) AS last FROM ask WHERE time < :u", u=window.until))
    if span["first"] is None:
        return
    first, width = span["first"], max(1.0, (span["last"] - span["first"]) / SLICES)
    counts = [[0, 0, 0] for _ in range(SLICES + 1)]
    for number, table in enumerate(("ask", "completed", "failed")):
        query = (
            f"SELECT CAST((time - :first) / :width AS INT) AS slice, count(DISTINCT file) AS n FROM {table} "  # noqa: S608
            "WHERE time BETWEEN :first AND :first + :width * :slices GROUP BY slice"
        )
        for row in tables.rows(query, first=first, width=width, slices=SLICES):
            counts[min(row["slice"], SLICES)][number] = row["n"]
    for number, (asked, completed, failed) in enumerate(counts):
        yield datetime.fromtimestamp(first + number * width).astimezone(), asked, completed, failed
