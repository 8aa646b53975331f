"""What is kept of a file: the record that commits it, the tombstone that outlives it, or why there is none."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from storage.errors import CorruptRecord

Reason = Literal["expired", "requested", "orphaned"]

_PINNED = timedelta(hours=1)


def file_id(tenant: str, request_id: str) -> str:
    """32 hex digits that name the one file of a request: the start of SHA-256 of `<tenant>\\n<request_id>` in UTF-8."""
    return hashlib.sha256(f"{tenant}\n{request_id}".encode()).hexdigest()[:32]


def sha256(data: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def iso(time: datetime) -> str:
    """ISO 8601 in UTC with `Z`; microseconds where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is before or after all times in UTC") from None


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware datetime in UTC; in JSON as `iso` writes it."""


class _Stored(BaseModel):
    # Fields of later versions are kept, so that an older one that rewrites a record loses nothing.
    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    def to_bytes(self) -> bytes:
        """The JSON that `parse` reads."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


def _megabytes(data: dict[str, Any]) -> float:
    return round(int(data["file_size"]) / 2**20, 6)


class Record(_Stored):
    """A committed file. Hours, seconds, bytes, MiB and Hz as the names say; hashes are lower-case hex."""

    file_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    file_path: str
    text: str
    speaker_id: str | int | None = None
    model: str
    created_at: Instant
    expires_at: Instant
    expiry_hours: float
    file_size: int = Field(ge=0)
    file_size_mb: float = Field(default_factory=_megabytes)
    request_id: str
    tenant: str = "default"
    format: str
    sample_rate: int
    duration_seconds: float
    sha256: str
    """Of the file."""
    pcm_sha256: str
    """Of the samples."""
    model_revision: str
    voice: str | None = None
    language: str | None = None
    synthesis: dict[str, Any] = Field(default_factory=dict)
    """What decided the samples, and counts: speed, seed, chunks, characters, text_sha256, …"""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """The request's own keys and values."""
    callback_url: str | None = None
    content_sha256: str
    """Of what the request asked for: another content under the same id is a conflict."""
    cache_key: str | None = None
    """Of all that decided the file's bytes, and of the tenant: a file with the same one may be a copy of this."""
    queue_seconds: float | None = None
    synthesis_seconds: float | None = None
    attempts: int = 1
    worker: str | None = None
    cached: bool = False
    """Whether it is a copy of what was spoken for an identical request."""
    pinned: bool = False
    """Held: neither its expiry nor a request deletes it until it is released."""
    retained_at: Instant | None = None
    """When its expiry or pin was changed last, later each time; None: they are as the request wanted them."""

    def good_until(self, now: datetime) -> datetime:
        """How long it can be had at least: until it expires; an hour while it is pinned, since it may be released."""
        return max(self.expires_at, now + _PINNED) if self.pinned else self.expires_at

    def retained_as(self, other: "Record") -> "Record":
        """Itself, with the expiry and pin of another, where those were changed since it was asked for."""
        if other.retained_at is None:
            return self
        kept = {name: getattr(other, name) for name in ("expires_at", "pinned", "retained_at")}
        return self.model_copy(update=kept)


class Tombstone(_Stored):
    """What stays of a deleted file: its record without the text. An orphan's has only what its marker told."""

    file_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    deleted_at: Instant
    reason: Reason
    forget_at: Instant
    """When the tombstone itself may go."""
    request_id: str | None = None
    tenant: str | None = None
    file_path: str | None = None
    file_size: int = 0
    created_at: Instant | None = None
    expires_at: Instant | None = None
    content_sha256: str | None = None

    @property
    def passing(self) -> bool:
        """Whether it stands for a file that never was: it goes with the clean-up that made it."""
        return self.reason == "orphaned"

    @classmethod
    def of(cls, record: Record, deleted_at: datetime, reason: Reason, forget_at: datetime) -> "Tombstone":
        """The tombstone of a committed file."""
        kept = record.model_dump(exclude={"text"})
        return cls.model_validate({**kept, "deleted_at": deleted_at, "reason": reason, "forget_at": forget_at})


class Failure(_Stored):
    """What stays of a request whose last try failed: decided once, so that no later delivery ends otherwise."""

    file_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    failed_at: Instant
    forget_at: Instant
    """When it may go."""
    request_id: str
    tenant: str = "default"
    code: str
    message: str
    attempts: int
    """A try with a higher number, which somebody asked for since, may still succeed."""
    source: str
    """`<topic>-<partition>-<offset>` of the record whose try was the last."""
    content_sha256: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    callback_url: str | None = None
    worker: str | None = None
    passing: bool = False
    """Whether clean-up is at work under it: nothing can take its place meanwhile."""


Stored = Record | Tombstone | Failure


def parse(data: bytes) -> Stored:
    """Read what `to_bytes` wrote; `deleted_at` marks a tombstone, `failed_at` a failure. Raises CorruptRecord."""
    try:
        value = orjson.loads(data)
        if isinstance(value, dict) and value.get("deleted_at") is not None:
            return Tombstone.model_validate(value)
        if isinstance(value, dict) and value.get("failed_at") is not None:
            return Failure.model_validate(value)
        return Record.model_validate(value)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise CorruptRecord(f"metadata is no record, tombstone or failure: {error}") from error
