"""What can be said about a request, a file or a webhook's delivery: the only words in which the index is told anything.

In whatever order, and however often, they are told: the index says the same in the end. What no database could keep
(a size below zero, a name of a thousand letters) is refused with a ValueError when the change is made.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.records import Record, Tombstone

Lane = Literal["interactive", "bulk"]

LONGEST_NAME = 255
LONGEST_ENDPOINT = 64
_FILE_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**31 - 1
_LARGEST_SUM = 2**53


@dataclass(frozen=True, slots=True)
class About:
    """Which request, and its file."""

    file_id: str
    tenant: str
    request_id: str

    def __post_init__(self) -> None:
        if not _FILE_ID.fullmatch(self.file_id):
            raise ValueError(f"{self.file_id[:80]!r} is no file id")
        for name in (self.tenant, self.request_id):
            if not 0 < len(name) <= LONGEST_NAME or "\0" in name:
                raise ValueError(f"{name[:80]!r} is no name of a tenant or a request")


@dataclass(frozen=True, slots=True)
class Shown:
    """How it is spoken: as asked for, or as it was done."""

    model: str | None = None
    voice: str | None = None
    speaker_id: str | None = None
    language: str | None = None
    format: str | None = None
    characters: int | None = None
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check(self.characters)


@dataclass(frozen=True, slots=True)
class Asked:
    """A record that asks for speech, or a copy of one.

    `place`: of this record. `source`, `since`: place and broker's time of the very first of which it is a copy.
    `time`: when the broker took this one. `estimated_seconds`: of speech. `attempt`: the number of the coming one.
    `pool`: whose topic it is on; `moved`: whether another pool put it there.
    """

    about: About
    place: str
    time: datetime
    source: str
    since: datetime
    lane: Lane = "interactive"
    attempt: int = 1
    estimated_seconds: float | None = None
    shown: Shown = field(default_factory=Shown)
    pool: str = ""
    moved: bool = False

    def __post_init__(self) -> None:
        _check(self.attempt)
        milliseconds(self.estimated_seconds)


@dataclass(frozen=True, slots=True)
class Progressed:
    """It was taken up, or chunk k of n was spoken. `time`: the broker's."""

    about: About
    time: datetime
    worker: str
    chunks: int
    chunk: int | None = None

    def __post_init__(self) -> None:
        _check(self.chunks, self.chunk)


@dataclass(frozen=True, slots=True)
class Failed:
    """It ended without audio. `time`, `place`: the broker's, of the event; `source`: of the record that it answers."""

    about: About
    time: datetime
    place: str
    source: str
    failed_at: datetime
    code: str
    message: str
    retryable: bool
    attempts: int
    worker: str

    def __post_init__(self) -> None:
        _check(self.attempts)


@dataclass(frozen=True, slots=True)
class Completed:
    """Its audio is durable. `created_at` and `sha256` name one making of the file, however often it is announced."""

    about: About
    created_at: datetime
    expires_at: datetime
    sha256: str
    size: int
    duration_seconds: float
    sample_rate: int
    attempts: int
    worker: str | None
    shown: Shown

    def __post_init__(self) -> None:
        _check(self.sample_rate, self.attempts)
        _check(self.size, most=_LARGEST_SUM)
        milliseconds(self.duration_seconds)

    @classmethod
    def of(cls, record: Record) -> "Completed":
        """As the store has it."""
        characters = record.synthesis.get("characters")
        return cls(
            About(record.file_id, record.tenant, record.request_id),
            record.created_at,
            record.expires_at,
            record.sha256,
            record.file_size,
            record.duration_seconds,
            record.sample_rate,
            record.attempts,
            record.worker,
            Shown(
                record.model,
                record.voice,
                None if record.speaker_id is None else str(record.speaker_id),
                record.language,
                record.format,
                characters if isinstance(characters, int) else len(record.text),
                record.metadata,
            ),
        )


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody asked that it be stopped. `time`: the broker's."""

    about: About
    time: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file is gone. `created_at`: of that file, where it is known: another may have been made under its id since."""

    about: About
    deleted_at: datetime
    reason: str
    created_at: datetime | None = None

    @classmethod
    def of(cls, tombstone: Tombstone) -> "Deleted | None":
        """As the store has it; None for a tombstone of no file."""
        if tombstone.passing or tombstone.request_id is None:
            return None
        about = About(tombstone.file_id, tombstone.tenant or "default", tombstone.request_id)
        return cls(about, tombstone.deleted_at, tombstone.reason, tombstone.created_at)


@dataclass(frozen=True, slots=True)
class DeliveryNoted:
    """How the delivery of one event to one endpoint stands, as a record of the delivery log says.

    `created_at`: of the event, or of the retry since which its attempts count anew. `time`: when the broker took the
    record. `attempt`: the one that is due, or was the last. `not_before`: when it is due, or when it ended.
    """

    webhook_id: str
    endpoint: str
    url: str
    tenant: str
    request_id: str | None
    state: str
    attempt: int
    created_at: datetime
    time: datetime
    not_before: datetime
    detail: str | None = None

    def __post_init__(self) -> None:
        _check(self.attempt)
        for name, most in ((self.endpoint, LONGEST_ENDPOINT), (self.tenant, LONGEST_NAME)):
            if not 0 < len(name) <= most:
                raise ValueError(f"{name[:80]!r} is no name of an endpoint or a tenant")
        if any("\0" in name for name in (self.webhook_id, self.endpoint, self.url, self.tenant)):
            raise ValueError("a name has no NUL in it")

    @property
    def delivery_id(self) -> str:
        """32 hex digits that name it."""
        return hashlib.sha256("\0".join((self.webhook_id, self.endpoint, self.url)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Retained:
    """How long a file is kept, after that was changed. `created_at`: of that file. `retained_at`: of the change."""

    about: About
    created_at: datetime
    expires_at: datetime
    pinned: bool
    retained_at: datetime

    @classmethod
    def of(cls, record: Record) -> "Retained | None":
        """As the store has it; None where it was never changed."""
        if record.retained_at is None:
            return None
        about = About(record.file_id, record.tenant, record.request_id)
        return cls(about, record.created_at, record.expires_at, record.pinned, record.retained_at)


Change = Asked | Progressed | Failed | Completed | CancelAsked | Deleted | Retained | DeliveryNoted


def milliseconds(seconds: float | None) -> int | None:
    """Rounded. Raises ValueError for what is no length of time."""
    if seconds is None:
        return None
    if not (math.isfinite(seconds) and 0 <= seconds < _LARGEST):
        raise ValueError(f"{seconds} is no length of time in seconds")
    return round(seconds * 1000)


def _check(*values: int | None, most: int = _LARGEST) -> None:
    for value in values:
        if value is not None and not 0 <= value < most:
            raise ValueError(f"{str(value)[:40]} is out of range")
