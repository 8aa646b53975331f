"""What calls answer with, for the OpenAPI document: one model an answer, named by its route as `responses` or model.

A route makes its answer by itself; the tests hold what it says against these. Fields are only ever added.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from storage.records import Record

Responses = dict[int | str, dict[str, Any]]


class Metadata(Record):
    """What is known of a file; fields that do not apply are absent."""

    content_sha256: SkipJsonSchema[str] = Field(exclude=True)


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


class Alive(BaseModel):
    """The process lives."""

    ok: Literal[True]


class Ready(BaseModel):
    """A request would be spoken now, by one of so many workers."""

    ok: Literal[True]
    workers: int = Field(ge=1)


class NotReady(BaseModel):
    """A request would not be spoken now."""

    ok: Literal[False]
    reason: str


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
