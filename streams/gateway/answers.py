"""What calls answer with, for the OpenAPI document: one model an answer, named by its route as `responses` or model.

A route makes its answer by itself; the tests hold what it says against these. Fields are only ever added.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from storage.index import Status
from storage.records import Record

Responses = dict[int | str, dict[str, Any]]


class Metadata(Record):
    """What is known of a file; fields that do not apply are absent."""

    content_sha256: SkipJsonSchema[str] = Field(exclude=True)
    cache_key: SkipJsonSchema[str | None] = Field(None, exclude=True)


class Success(BaseModel):
    """What every answer below `/api` says when all went well."""

    success: Literal[True]


class MetadataAnswer(Success):
    """The metadata of a file."""

    metadata: Metadata


class AcceptedJob(BaseModel):
    """A request that is on the log."""

    request_id: str
    file_id: str
    status: Literal["queued"]


class Accepted(Success):
    """It goes on without the caller."""

    job: AcceptedJob


class FileDeleted(Success):
    """The file is gone; or will be, where that is `pending`."""

    file_id: str
    pending: Literal[True] | SkipJsonSchema[None] = None


class Link(Success):
    """A signed link."""

    url: str
    expires_at: datetime


class CleanedUp(BaseModel):
    """What a clean-up removed. `cleanup_time`: when it was asked for."""

    deleted_count: int = Field(ge=0)
    deleted_size_mb: float = Field(ge=0)
    cleanup_time: datetime


class Cleanup(Success):
    """A clean-up that was done."""

    cleanup: CleanedUp


class Queue(BaseModel):
    """The place of a request in its lane, 1 being the next. `seconds_ahead`: of speech; `wait_seconds`: an estimate."""

    position: int = Field(ge=1)
    seconds_ahead: float = Field(ge=0)
    wait_seconds: float | None


class JobResult(BaseModel):
    """What came of a request that was spoken."""

    audio_url: str
    format: str | None
    duration_seconds: float | None
    sample_rate: int | None
    file_size: int | None
    expires_at: datetime | None
    deleted_at: datetime | None
    delete_reason: str | None


class JobError(BaseModel):
    """Why a request failed."""

    code: str
    message: str | None
    retryable: bool | None


class Job(BaseModel):
    """One request. `queue`: of one that is queued, where one request was asked for. `pool`: empty for the main one."""

    request_id: str
    file_id: str
    tenant: str
    status: Status
    priority: Literal["interactive", "bulk"]
    progress: float = Field(ge=0, le=1)
    chunk: int | None
    chunks: int | None
    attempts: int = Field(ge=1)
    model: str | None
    voice: str | None
    language: str | None
    format: str | None
    characters: int | None
    metadata: dict[str, Any] | None
    estimated_seconds: float | None
    pool: str
    worker: str | None
    source: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    queue: Queue | None
    result: JobResult | None
    error: JobError | None


class JobAnswer(Success):
    """One request."""

    job: Job


class JobPage(Success):
    """Requests, the newest first. `next_cursor`: for the next page; null: this is the last."""

    jobs: list[Job]
    next_cursor: str | None


class Model(BaseModel):
    """As OpenAI shows a model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    """As OpenAI lists models."""

    object: Literal["list"]
    data: list[Model]


class Voice(BaseModel):
    """A voice. `id`: `engine/name`; `languages`: BCP 47."""

    id: str
    name: str
    model: str
    languages: list[str]


class Voices(BaseModel):
    """All voices, and their ids alone."""

    object: Literal["list"]
    data: list[Voice]
    voices: list[str]


BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
AUDIO: dict[str, Any] = {"audio/*": BYTES}
_EVENT = {"event": {"type": "string"}, "data": {"type": "string", "contentMediaType": "application/json"}}
EVENTS: dict[str, Any] = {
    "text/event-stream": {"schema": {"type": "object", "required": ["data"], "properties": _EVENT}}
}
"""Server-sent events; the schema is that of one of them."""


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


FILE_HEADERS: dict[str, Any] = {
    "X-File-ID": _header("the file's id"),
    "X-Expires-At": _header("when it expires; not known of a stream"),
}
