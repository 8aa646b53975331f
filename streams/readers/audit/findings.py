"""What an audit reports: findings, each of a closed list of kinds, and figures."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from storage.records import iso

MOST_EXAMPLES = 5


class Kind(StrEnum):
    """The closed list of what can be wrong."""

    REQUEST_WITHOUT_OUTCOME = "request_without_outcome"
    TWO_OUTCOMES = "two_outcomes"
    OUTCOME_WITHOUT_REQUEST = "outcome_without_request"
    DEAD_LETTER_WITHOUT_FAILURE = "dead_letter_without_failure"
    FAILURE_WITHOUT_DEAD_LETTER = "failure_without_dead_letter"
    RETENTION_GAP = "retention_gap"
    AUDIO_MISSING = "audio_missing"
    AUDIO_DIFFERS = "audio_differs"
    METADATA_MISSING = "metadata_missing"
    METADATA_DIFFERS = "metadata_differs"
    SHA256_DIFFERS = "sha256_differs"
    FILE_WITHOUT_EVENT = "file_without_event"
    DELETED_EARLY = "deleted_early"
    OVERDUE = "overdue"
    ORPHAN = "orphan"
    MARKER_MISSING = "marker_missing"
    NOT_INDEXED = "not_indexed"
    INDEX_DIFFERS = "index_differs"
    RESYNTHESIS_DIFFERS = "resynthesis_differs"

    @property
    def text(self) -> str:
        """What it means, in a sentence."""
        return TEXTS[self]


TEXTS: Mapping[Kind, str] = {
    Kind.REQUEST_WITHOUT_OUTCOME: "the workers have passed a request, and it has no outcome",
    Kind.TWO_OUTCOMES: "one request has two different outcomes",
    Kind.OUTCOME_WITHOUT_REQUEST: "an outcome of what nobody asked for",
    Kind.DEAD_LETTER_WITHOUT_FAILURE: "a record in the dead-letter topic whose request has not failed so",
    Kind.FAILURE_WITHOUT_DEAD_LETTER: "a failure whose record should be in the dead-letter topic, and is not",
    Kind.RETENTION_GAP: "records were removed from the log before their time",
    Kind.AUDIO_MISSING: "the audio is missing",
    Kind.AUDIO_DIFFERS: "the audio has another size or sha256 than its metadata says",
    Kind.METADATA_MISSING: "the metadata is missing",
    Kind.METADATA_DIFFERS: "the metadata cannot be read, or is not what the event says",
    Kind.SHA256_DIFFERS: "the event names another sha256 than the metadata",
    Kind.FILE_WITHOUT_EVENT: "a file was stored or deleted, and no event says so",
    Kind.DELETED_EARLY: "a file was deleted as expired before its expiry",
    Kind.OVERDUE: "a file is there although it expired long ago",
    Kind.ORPHAN: "audio without metadata that no clean-up will find",
    Kind.MARKER_MISSING: "a file has no expiry marker, so that no clean-up will find it",
    Kind.NOT_INDEXED: "a file of the store is not in the index",
    Kind.INDEX_DIFFERS: "the index says otherwise of a file than the store",
    Kind.RESYNTHESIS_DIFFERS: "spoken again, a result has other samples",
}

Example = Mapping[str, Any]


@dataclass
class Finding:
    """How often something is wrong, and the first few cases."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one tenant had of one model. Seconds of audio; seconds of work, which are the cost."""

    tenant: str
    model: str
    requests: int
    characters: int
    audio_seconds: float
    synthesis_seconds: float


@dataclass
class Report:
    """The outcome of an audit of what happened before `at`. `history`: start of a slice of time, and counts in it."""

    at: datetime
    since: datetime | None = None
    until: datetime | None = None
    tenant: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    findings: dict[Kind, Finding] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)
    history: list[tuple[datetime, int, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether every guarantee held."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """The whole report in a few words."""
        if self.held:
            return "every guarantee held"
        total = sum(finding.count for finding in self.findings.values())
        return f"{total:,} finding{'s' * (total != 1)} of {len(self.findings)} kind{'s' * (len(self.findings) != 1)}"

    def add(self, kind: Kind, cases: Iterable[Example]) -> None:
        """Count cases, and keep the first few."""
        for case in cases:
            finding = self.findings.setdefault(kind, Finding())
            finding.count += 1
            if len(finding.examples) < MOST_EXAMPLES:
                finding.examples.append(case)

    def data(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "held": self.held,
            "at": iso(self.at),
            "since": iso(self.since) if self.since else None,
            "until": iso(self.until) if self.until else None,
            "tenant": self.tenant,
            "counts": self.counts,
            "findings": {
                kind.value: {"count": found.count, "meaning": kind.text, "examples": found.examples}
                for kind, found in self.findings.items()
            },
            "failures": self.failures,
            "dead_letters": self.dead_letters,
            "usage": [asdict(each) for each in self.usage],
            "notes": self.notes,
        }
