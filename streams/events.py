"""Every event Loa writes: its fields, its topic, and its CloudEvents headers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from storage.records import Instant, iso
from streams.errors import ErrorCode
from streams.traces import TRACE_HEADERS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="SHA-256 of tenant and request id, first half")]
Worker = Annotated[str, Field(description="name of the worker that did it")]
Attempts = Annotated[int, Field(description="how many attempts it took")]
Headers = list[tuple[str, bytes]]
SOURCE = "/loa"


class Event(BaseModel):
    """What all events have. Readers ignore fields they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    topic: ClassVar[str]

    def outcome(self) -> str:
        """What `ce_id` is made from, beside the file id: the same for a repeated event."""
        return self.topic

    def key(self) -> str:
        """Key of the record."""
        raise TypeError(f"{type(self).__name__} says no key")

    def ce_id(self) -> str:
        """CloudEvents id: a repeated event has the same."""
        return f"{self.key()}.{self.outcome()}"

    def encode(self) -> bytes:
        """JSON in UTF-8, without what is not known."""
        return self.model_dump_json(exclude_none=True).encode()


class RequestEvent(Event):
    """An event about one request."""

    request_id: str = Field(description="the request's, or the place of its very first record")
    file_id: FileId
    tenant: str = Field(description="whose request it is")
    metadata: dict[str, Any] | None = Field(None, description="as in the request")

    def key(self) -> str:
        """See `Event.key`."""
        return self.request_id

    def ce_id(self) -> str:
        """See `Event.ce_id`."""
        return f"{self.file_id}.{self.outcome()}"


class OutcomeEvent(RequestEvent):
    """How a request ended."""

    callback_url: str | None = Field(None, description="the webhook that the request named")


class SynthesisProgressed(RequestEvent):
    """A request was taken up, or one of its chunks was spoken."""

    topic = "progress"

    state: Literal["started", "chunk"] = Field(
        description="`started`: an engine began with it; `chunk`: one more was spoken"
    )
    chunk: int | None = Field(None, ge=1, description="k of n")
    chunks: int = Field(ge=1, description="n")
    seconds: float | None = Field(None, ge=0, description="audio spoken so far, in seconds")
    parts: int | None = Field(None, ge=1, description="pieces of the file that can be read so far, if it is streamed")
    worker: Worker

    def outcome(self) -> str:
        """See `Event.outcome`."""
        return self.state if self.chunk is None else f"chunk.{self.chunk}"


class SynthesisCompleted(OutcomeEvent):
    """The audio is durable. A repeat has the same `ce_id`, also after the audio expired."""

    topic = "completed"

    file_path: str = Field(description="where the audio is, seen from the worker")
    audio_url: str | None = Field(
        None, description="where it can be fetched until it expires, if there is a public address"
    )
    format: str = Field(description="of the file, as in the request")
    sample_rate: int = Field(description="Hz")
    duration_seconds: float = Field(description="length of the audio, in seconds")
    file_size: int = Field(description="bytes")
    sha256: Sha256 = Field(description="of the file")
    pcm_sha256: Sha256 = Field(description="of the samples as 16-bit little-endian PCM, before any lossy coding")
    model: str = Field(description="the engine that spoke it")
    model_revision: str = Field(description="the same revision speaks the same text with the same samples")
    voice: str = Field(description="of the engine")
    speaker_id: str | None = Field(None, description="if the request or its text named one")
    language: str = Field(description="BCP 47 tag, as asked for or detected")
    text_sha256: Sha256 = Field(description="of the request's text in UTF-8")
    characters: int = Field(description="of the request's text")
    chunks: int = Field(description="in how many pieces it was spoken")
    created_at: Instant = Field(description="when the audio was committed")
    expires_at: Instant = Field(description="when the audio may be deleted")
    queue_seconds: float = Field(description="from the record's time until an engine began with it")
    synthesis_seconds: float = Field(description="from its start to durable audio")
    cached: bool = Field(False, description="the audio was there already, of an identical request")
    cache_key: Sha256 | None = Field(None, description="the same for identical requests of one tenant")
    attempts: Attempts
    worker: Worker
    audio_base64: str | None = Field(None, description="the file, where it was asked for and is small")


class SynthesisFailed(OutcomeEvent):
    """The request ends without audio."""

    topic = "failed"

    code: ErrorCode = Field(description="why, of a closed list")
    message: str = Field(description="names the field, the value, and what is allowed")
    retryable: bool = Field(description="the same request may succeed later")
    attempts: Attempts
    failed_at: Instant = Field(description="when that was decided")
    source: str = Field(description="`<topic>-<partition>-<offset>` of the record")
    content_sha256: Sha256 | None = Field(None, description="fingerprint of what was asked for")
    worker: Worker

    def outcome(self) -> str:
        """A conflict is about another content than the id's own outcome, so it has an id of its own."""
        if self.code == ErrorCode.REQUEST_CONFLICT and self.content_sha256:
            return f"failed.{self.content_sha256[:16]}"
        return "failed"


class Keep(BaseModel):
    """Which file is to be kept: until a time (no earlier than it is), or pinned, until it is released."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    file_id: FileId
    expires_at: Instant | None = Field(None, description="absent: as it is; an expiry never moves earlier")
    pinned: bool | None = Field(None, description="true: nothing deletes it; false: it is released; absent: as it is")


class CleanupRequested(Event):
    """Remove what of one shard expired before a cutoff, or one file whatever its expiry; or keep one file."""

    topic = "cleanup"

    cutoff: Instant | None = Field(None, description="only what expired before; never later than now")
    shard: Annotated[str | None, Field(pattern=r"^[0-9a-f]$")] = Field(None, description="first digit of the file ids")
    file_id: FileId | None = Field(None, description="the one file to delete")
    # Not beside file_id: a worker of a version that does not know it must not delete the file.
    keep: Keep | None = Field(None, description="the one file to keep: its `file_id`, and `expires_at` or `pinned`")
    tenant: str | None = Field(None, description="only if it is this tenant's")

    def key(self) -> str:
        """See `Event.key`."""
        return self.keep.file_id if self.keep else self.file_id or f"shard-{self.shard}"

    def outcome(self) -> str:
        """See `Event.outcome`."""
        if self.keep:
            until = f"{self.keep.expires_at:%Y%m%dT%H%M%S.%fZ}" if self.keep.expires_at else "as-it-is"
            return f"keep.{until}.{self.keep.pinned}"
        return "cleanup" if self.cutoff is None else f"cleanup.{self.cutoff:%Y%m%dT%H%M%S.%fZ}"


class CancelRequested(Event):
    """Stop a request that is queued or being spoken."""

    topic = "commands"

    request_id: str = Field(description="the request to stop")
    tenant: str = Field("default", description="whose request it is")

    def key(self) -> str:
        """See `Event.key`."""
        return self.request_id


class AudioDeleted(Event):
    """A file is gone."""

    topic = "deleted"

    file_id: FileId
    request_id: str | None = Field(None, description="whose file it was; not known of every orphan")
    tenant: str | None = Field(None, description="whose request that was")
    reason: Literal["expired", "requested", "orphaned"] = Field(description="orphaned: a crash left it half written")
    file_size: int = Field(description="bytes that were freed")
    deleted_at: Instant = Field(description="when it was deleted")
    created_at: Instant | None = Field(None, description="of the file: another may be made under its id later")

    def key(self) -> str:
        """See `Event.key`."""
        return self.file_id


class AudioRetained(Event):
    """How long a file is kept, after that was changed. A repeat has the same `ce_id`."""

    topic = "retained"

    file_id: FileId
    request_id: str = Field(description="whose file it is")
    tenant: str = Field(description="whose request that was")
    created_at: Instant = Field(description="of the file")
    expires_at: Instant = Field(description="when the audio may be deleted")
    pinned: bool = Field(description="nothing deletes it until it is released")
    retained_at: Instant | None = Field(None, description="of the last change; absent: there was none")

    def key(self) -> str:
        """See `Event.key`."""
        return self.file_id

    def outcome(self) -> str:
        """Each change is another one."""
        return f"retained.{self.retained_at:%Y%m%dT%H%M%S.%fZ}" if self.retained_at else "retained"


class WebhookDelivery(Event):
    """What one endpoint is to be told of one event, or was: the next attempt, or how it ended."""

    topic = "webhooks"

    endpoint: str = Field(description="its name; `callback` for a request's callback_url")
    url: str = Field(description="where it is posted")
    id: str = Field(description="`ce_id` of the event, and the webhook-id: the same in every attempt")
    state: Literal["due", "delivered", "given_up", "gone"] = Field("due", description="gone: the endpoint said 410")
    attempt: int = Field(1, ge=1, description="number of the attempt that is due, or was the last")
    first: Instant = Field(description="when the event was written; attempts end a day later")
    not_before: Instant = Field(description="when the attempt is due, or when it ended")
    body: str | None = Field(None, description="what is posted, and signed, while it is due")
    detail: str | None = Field(None, description="how the last attempt ended")
    request_id: str | None = Field(None, description="of the event")
    tenant: str | None = Field(None, description="of the event")

    def key(self) -> str:
        """See `Event.key`. One endpoint's deliveries share a partition."""
        return self.url

    def ce_id(self) -> str:
        """See `Event.ce_id`."""
        return f"{self.id}.{self.endpoint}.{self.state}.{self.attempt}"


EVENTS: tuple[type[Event], ...] = (
    SynthesisProgressed,
    SynthesisCompleted,
    SynthesisFailed,
    CleanupRequested,
    CancelRequested,
    AudioDeleted,
    AudioRetained,
    WebhookDelivery,
)


def headers(event: Event, topic: str, now: datetime, passed_on: Mapping[str, bytes] | None = None) -> Headers:
    """CloudEvents 1.0 headers in binary mode; `traceparent` and `tracestate` of the request are passed on.

    The source is the same for all workers: a repeated event must have the same source and id, whoever repeats it.
    """
    fields = {
        "ce_specversion": "1.0",
        "ce_id": event.ce_id(),
        "ce_source": SOURCE,
        "ce_type": f"loa.{topic}",
        "ce_time": iso(now),
        "content-type": "application/json",
    }
    trace = [(name, value) for name, value in (passed_on or {}).items() if name in TRACE_HEADERS]
    return [(name, text.encode()) for name, text in fields.items()] + trace
