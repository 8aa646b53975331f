"""What the index answers: jobs, files, deliveries, totals, pages. Times are aware, in UTC; durations are in seconds."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from storage.errors import BadCursor
from storage.index.moments import moment, moment_or_none
from storage.index.tables import SUMS

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "in_progress", "completed", "failed", "cancelled")
LANES = ("interactive", "bulk")
DeliveryState = Literal["due", "delivered", "given_up", "gone"]


@dataclass(frozen=True, slots=True)
class Job:
    """One request, however it came to the log.

    `code`, `message`, `retryable`: of a failure that stands. `finished_at`: of the outcome. `chunk` of `chunks` is
    spoken. `source`: place of its first record. `deleted_at`, `delete_reason`: of its file. `model`, `voice`,
    `language`, `format`, `characters`: as it was done, or as was asked for while it is not. `estimated_seconds`: of
    speech. `pool`: whose workers it waits for, or waited.
    """

    tenant: str
    request_id: str
    file_id: str
    status: Status
    pool: str
    lane: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    chunk: int | None
    chunks: int | None
    code: str | None
    message: str | None
    retryable: bool | None
    attempts: int
    model: str | None
    voice: str | None
    speaker_id: str | None
    language: str | None
    format: str | None
    characters: int | None
    metadata: Mapping[str, Any] | None
    estimated_seconds: float | None
    duration_seconds: float | None
    sample_rate: int | None
    file_size: int | None
    expires_at: datetime | None
    deleted_at: datetime | None
    delete_reason: str | None
    worker: str | None
    source: str | None

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.status == "completed":
            return 1.0
        return min(1.0, (self.chunk or 0) / self.chunks) if self.chunks else 0.0


@dataclass(frozen=True, slots=True)
class File:
    """One file that was announced or deleted. `size`: bytes. `created_at`: None where only its deletion is known.

    A file that is there has no `deleted_at`, also when it expired and clean-up has not come by yet.
    """

    file_id: str
    tenant: str
    request_id: str
    created_at: datetime | None
    expires_at: datetime | None
    format: str | None
    size: int | None
    sha256: str | None
    duration_seconds: float | None
    deleted_at: datetime | None
    reason: str | None
    pinned: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one tenant, or of all. `total_*`: files that are there; of those, the expired ones that wait for clean-up.

    `deleted_files`: as long as the index remembers them, as with `jobs`, by status, and what of the completed ones was
    spoken: `audio_seconds`, `characters`. `queued_seconds`: of speech, estimated, by lane; `queued_in_pools`: those by
    pool and lane.
    """

    total_files: int
    total_bytes: int
    expired_files: int
    expired_bytes: int
    deleted_files: int
    jobs: Mapping[Status, int]
    queued_seconds: Mapping[str, float]
    queued_in_pools: Mapping[str, Mapping[str, float]]
    audio_seconds: float
    characters: int

    @property
    def active_files(self) -> int:
        """Files that can be had."""
        return self.total_files - self.expired_files


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs, the newest first. `next_cursor`: for the next page; None: this is the last."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that an endpoint is told of. `created_at`: of the event, or of the retry since which attempts count.

    `attempt`: the one that is due, or was the last. `not_before`: when it is due, or when it ended. `updated_at`: of
    the last record. `detail`: how the last attempt ended. `state`: a `DeliveryState`, or a later version's word.
    """

    webhook_id: str
    endpoint: str
    url: str
    tenant: str
    request_id: str | None
    state: str
    attempt: int
    created_at: datetime
    updated_at: datetime
    not_before: datetime
    detail: str | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, the newest first; else as `Page`."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


def job(row: Mapping[Any, Any]) -> Job:
    """A row of the jobs, beside `present`, `deleted_at`, `reason` and expiry of its file, if that is known."""
    gone = row["present"] == 0
    completed = row["completed_at"] is not None
    stands = row["status"] in {"failed", "cancelled"}
    worker = row["worker"] if completed else row["failed_worker"] if stands else row["progress_worker"]
    tried = max(row["asked_attempt"] or 1, row["failed_attempts"] or 1)
    finished = row["completed_at"] if completed else row["failed_at"] if stands else None
    return Job(
        **{name: row[name] for name in _SAME},
        status=row["status"],
        created_at=moment(row["created_at"]),
        started_at=moment_or_none(row["started_at"]),
        finished_at=moment_or_none(finished),
        cancel_requested_at=moment_or_none(row["cancel_at"]),
        code=row["code"] if stands else None,
        message=row["message"] if stands else None,
        retryable=bool(row["retryable"]) if stands else None,
        attempts=row["attempts"] if completed else tried,
        metadata=orjson.loads(row["metadata"]) if row["metadata"] else None,
        estimated_seconds=seconds_or_none(row["estimated_ms"]),
        expires_at=moment_or_none(row["kept_until"] or row["expires_at"] if completed else None),
        deleted_at=moment_or_none(row["deleted_at"]) if gone else None,
        delete_reason=row["reason"] if gone else None,
        worker=worker,
    )


_SAME = (
    *("tenant", "request_id", "file_id", "pool", "lane", "chunk", "chunks", "model", "voice", "speaker_id", "language"),
    *("format", "characters", "sample_rate", "file_size", "duration_seconds", "source"),
)


def file(row: Mapping[Any, Any]) -> File:
    """A row of the files."""
    gone = not row["present"]
    return File(
        file_id=row["file_id"],
        tenant=row["tenant"],
        request_id=row["request_id"],
        created_at=moment_or_none(row["created_at"]),
        expires_at=moment_or_none(row["expires_at"]),
        format=row["format"],
        size=row["size"],
        sha256=row["sha256"],
        duration_seconds=row["duration_seconds"],
        deleted_at=moment_or_none(row["deleted_at"]) if gone else None,
        reason=row["reason"] if gone else None,
        pinned=bool(row["pinned"]),
    )


def delivery(row: Mapping[Any, Any]) -> Delivery:
    """A row of the deliveries."""
    names = ("webhook_id", "endpoint", "url", "tenant", "request_id", "state", "attempt", "detail")
    return Delivery(
        **{name: row[name] for name in names},
        created_at=moment(row["created_at"]),
        updated_at=moment(row["touched_at"]),
        not_before=moment(row["not_before"]),
    )


def totals(pools: Sequence[Mapping[Any, Any]], expired: tuple[int, int]) -> Totals:
    """The totals of each pool, beside number and bytes of what has expired."""
    sums = {name: sum(row[name] for row in pools) for name in SUMS}
    return Totals(
        total_files=sums["files"],
        total_bytes=sums["bytes"],
        expired_files=expired[0],
        expired_bytes=expired[1],
        deleted_files=sums["deleted_files"],
        jobs={status: sums[status] for status in STATUSES},
        queued_seconds=_queued(sums),
        queued_in_pools={row["pool"]: _queued(row) for row in pools},
        audio_seconds=sums["audio_ms"] / 1000,
        characters=sums["characters"],
    )


def _queued(sums: Mapping[Any, int]) -> dict[str, float]:
    return {lane: sums[f"queued_ms_{lane}"] / 1000 for lane in LANES}


def seconds_or_none(milliseconds: int | None) -> float | None:
    """Seconds, for a column that may be empty."""
    return None if milliseconds is None else milliseconds / 1000


def cursor_after(created: int, key: str) -> str:
    """Where the page goes on whose last row was created then, and has that key."""
    return base64.urlsafe_b64encode(f"{created}.{key}".encode()).decode().rstrip("=")


def place_of_cursor(cursor: str) -> tuple[int, str]:
    """The created_at and the key after which a page begins. Raises BadCursor."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created, _, key = text.partition(".")
        place = int(created), key
    except (ValueError, binascii.Error):
        raise BadCursor(f"cursor: {cursor[:80]!r} is none that a page gave") from None
    if len(key) != 32 or not -(2**62) < place[0] < 2**62:
        raise BadCursor(f"cursor: {cursor[:80]!r} is none that a page gave")
    return place
