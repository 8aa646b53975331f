"""What must hold after any fault, looked up in the raw log and on the disk without any of the product's own readers.

A  every request has exactly one outcome: completed, or failed and, where due, in the DLQ as it was
B  no completed without its audio, whole
C  all that is said about one id agrees, and one file carries its name
D  nothing was deleted before its expiry, everything after; nothing temporary stays
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from tests.faults.audio import complaints
from tests.kafka.reader import Event

REQUESTS = ("requests", "requests.bulk", "requests.retry")
TOPICS = (*REQUESTS, "requests.dlq", "completed", "failed", "deleted", "progress")
NOT_IN_DLQ = {"request_conflict", "expired", "deadline_exceeded", "cancelled", "quota_exceeded"}
AGREED = ("file_id", "sha256", "pcm_sha256", "format", "model")
OVERDUE_SECONDS = 5.0
DEFAULT_EXPIRY_HOURS = 24

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}")

Key = tuple[str, str]
"""Tenant and request id."""


@dataclass
class Findings:
    """`problems`: one sentence for each broken promise. `repeats`: records and events beyond the first of each id."""

    problems: list[str] = field(default_factory=list)
    requests: int = 0
    completed: int = 0
    failed: int = 0
    deleted: int = 0
    repeats: int = 0


@dataclass
class Evidence:
    """The store's folder, and everything in the log."""

    storage: Path
    events: list[Event]

    def by_key(self, short: str, key: Callable[[Event], Any]) -> dict[Any, list[Event]]:
        table: dict[Any, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.short == short:
                table[key(event)].append(event)
        return table

    @cached_property
    def requests(self) -> dict[Key, list[Event]]:
        """What clients wrote, and copies that workers made of it."""
        table: dict[Key, list[Event]] = defaultdict(list)
        for short in REQUESTS:
            for key, events in self.by_key(short, lambda e: identity(e, "-".join(map(str, e.at)))).items():
                table[key] += events
        return table

    @cached_property
    def completed(self) -> dict[Key, list[Event]]:
        return self.by_key("completed", said_of)

    @cached_property
    def failed(self) -> dict[Key, list[Event]]:
        return self.by_key("failed", said_of)

    @cached_property
    def letters(self) -> dict[Key, list[Event]]:
        return self.by_key("requests.dlq", lambda e: identity(e, letter_place(e)))

    @cached_property
    def deleted(self) -> dict[str, list[Event]]:
        """Deletions of committed files, by file id."""
        found = self.by_key("deleted", lambda e: e["file_id"])
        kept = {name: [e for e in events if e["reason"] != "orphaned"] for name, events in found.items()}
        return {name: events for name, events in kept.items() if events}

    def due(self, now: float) -> list[str]:
        """File ids that should be gone, and of which nobody has said so."""
        announced = {events[0]["file_id"]: events[0] for events in self.completed.values()}
        return [
            name for name, event in announced.items() if moment(event["expires_at"]) < now and name not in self.deleted
        ]

    def on_disk(self) -> dict[str, Path]:
        return {path.name: path for path in self.storage.glob("*.*") if path.is_file()}


def identity(event: Event, place: str) -> Key:
    """Whose request a record is: its own id, or where it was first written."""
    try:
        fields = orjson.loads(event.record.value or b"")
    except orjson.JSONDecodeError:
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    source = event.headers.get("loa-source", b"").decode() or place
    return _id_or(fields.get("tenant"), "default"), _id_or(fields.get("request_id"), source)


def _id_or(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else otherwise


def said_of(event: Event) -> Key:
    return event["tenant"], event["request_id"]


def letter_place(letter: Event) -> str:
    """Where a record of the DLQ came from, as its headers tell."""
    return "-".join(letter.headers[f"__streams.errors.{name}"].decode() for name in ("topic", "partition", "offset"))


def file_id(key: Key) -> str:
    return hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def examine(evidence: Evidence) -> Findings:
    """Everything, with as many problems as there are."""
    findings = Findings()
    for check in (_outcomes, _dead_letters, _one_result, _audio, _deletions, _disk):
        findings.problems += check(evidence)
    outcomes = [*evidence.completed.values(), *evidence.failed.values()]
    findings.requests = sum(event.short == "requests" for event in evidence.events)
    findings.completed, findings.failed = len(evidence.completed), len(evidence.failed)
    findings.deleted = len(evidence.deleted)
    written = findings.requests - len({key for key, es in evidence.requests.items() if es})
    findings.repeats = written + sum(len(events) - 1 for events in outcomes)
    return findings


def _outcomes(evidence: Evidence) -> list[str]:
    """A: one kind of outcome, one `ce_id`; a conflict beside it only where the contents differ."""
    problems = []
    for key, records in evidence.requests.items():
        good = {event.ce_id for event in evidence.completed.get(key, ())}
        bad = {event.ce_id for event in evidence.failed.get(key, ()) if event["code"] != "request_conflict"}
        conflicts = [event for event in evidence.failed.get(key, ()) if event["code"] == "request_conflict"]
        if len(good) + len(bad) != 1:
            problems.append(f"A {key}: {len(good)} completed, {len(bad)} failed")
        if conflicts and len({event.record.value for event in records}) == 1:
            problems.append(f"A {key}: in conflict with itself")
    strangers = (evidence.completed.keys() | evidence.failed.keys()) - evidence.requests.keys()
    return problems + [f"A {key}: an outcome that nobody asked for" for key in strangers]


def _dead_letters(evidence: Evidence) -> list[str]:
    problems = []
    due = {key for key, events in evidence.failed.items() if any(e["code"] not in NOT_IN_DLQ for e in events)}
    problems += [f"A {key}: failed, and not in the DLQ" for key in due - evidence.letters.keys()]
    problems += [f"A {key}: in the DLQ without having failed" for key in evidence.letters.keys() - due]
    for key, letters in evidence.letters.items():
        received = {event.record.value for event in evidence.requests.get(key, ())}
        problems += [f"A {key}: changed in the DLQ" for letter in letters if letter.record.value not in received]
    return problems


def _one_result(evidence: Evidence) -> list[str]:
    """C: all events of an id say the same, and its file has the name that the contract gives it."""
    problems = []
    for key, events in evidence.completed.items():
        said = {(e.ce_id, *(e[name] for name in AGREED)) for e in events}
        if len(said) != 1:
            problems.append(f"C {key}: {len(events)} events disagree: {sorted(said)}")
        if events[0]["file_id"] != file_id(key):
            problems.append(f"C {key}: file {events[0]['file_id']} instead of {file_id(key)}")
    return problems


def _audio(evidence: Evidence) -> list[str]:
    """B: what was announced and not deleted is on the disk as announced."""
    problems = []
    for key, (event, *_) in evidence.completed.items():
        if event["file_id"] in evidence.deleted:
            continue
        metadata = _metadata(evidence, event["file_id"])
        audio = evidence.storage / f"{event['file_id']}.{event['format']}"
        if metadata is None or metadata.get("deleted_at") or metadata.get("sha256") != event["sha256"]:
            problems.append(f"B {key}: the metadata is missing or says something else")
        problems += [f"B {key}: {complaint}" for complaint in complaints(audio, event.fields)]
    return problems


def _deletions(evidence: Evidence) -> list[str]:
    """D: by the broker's clock, not by that of a worker."""
    problems = []
    for key, (event, *_) in evidence.completed.items():
        deletions = evidence.deleted.get(event["file_id"], [])
        expiry = moment(event["expires_at"])
        expired = [deletion for deletion in deletions if deletion["reason"] == "expired"]
        if any(_time(deletion) < max(expiry, _life(evidence, key)) for deletion in expired):
            problems.append(f"D {key}: deleted before {event['expires_at']}")
        if len({deletion.ce_id for deletion in deletions}) > 1:
            problems.append(f"D {key}: deletions with different ids")
        if deletions and not (_metadata(evidence, event["file_id"]) or {}).get("deleted_at"):
            problems.append(f"D {key}: deleted without a tombstone")
    newest = max((event.record.timestamp / 1000 for event in evidence.events), default=0.0)
    return problems + [f"D {name}: expired and still there" for name in evidence.due(newest - OVERDUE_SECONDS)]


def _time(event: Event) -> float:
    """When the broker took it; a millisecond later, since it counts in whole ones."""
    return float(event.record.timestamp) / 1000 + 0.001


def _life(evidence: Evidence, key: Key) -> float:
    """Until when the first request wanted its file, whatever clock the worker had."""
    first = min(evidence.requests[key], key=lambda event: event.record.timestamp)
    hours = orjson.loads(first.record.value).get("expiry_hours", DEFAULT_EXPIRY_HOURS)
    return float(first.record.timestamp) / 1000 + 3600 * float(hours)


def _disk(evidence: Evidence) -> list[str]:
    """D and C: files that belong to no announced result, and what a writer in the making left."""
    announced = {f"{events[0]['file_id']}.{events[0]['format']}" for events in evidence.completed.values()}
    gone = {name for name in announced if name.partition(".")[0] in evidence.deleted}
    problems = [
        f"D {name}: audio that is not announced, or deleted"
        for name in evidence.on_disk()
        if name not in announced - gone
    ]
    known = {name.partition(".")[0] for name in announced}
    known |= {events[0]["file_id"] for events in evidence.failed.values()}
    stored = [path.stem for path in evidence.storage.glob("metadata/*")]
    problems += [f"D {name}: metadata of what was never announced" for name in stored if name not in known]
    marked = {path.name.rpartition("-")[2] for path in evidence.storage.glob("expiry/*/*/*")}
    problems += [f"D {name}: no expiry marker" for name in announced if name.partition(".")[0] not in marked]
    pieces = (path for path in evidence.storage.glob("parts/**/*") if path.is_file())
    problems += [f"D {path}: a piece of unfinished work" for path in pieces]
    return problems


def _metadata(evidence: Evidence, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = orjson.loads((evidence.storage / "metadata" / f"{name}.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return found
