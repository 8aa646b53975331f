"""What a reader wants to know of a result, as the log or the worker that made it tells."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from storage.records import Instant, Record


class Result(BaseModel):
    """Of a `tts.completed`; other fields are ignored. `cached`: a copy, for which nothing was spoken."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    file_id: str
    created_at: Instant
    cached: bool = False

    @classmethod
    def of(cls, record: Record) -> Self:
        """Of a committed file, before it is told."""
        return cls.model_validate(record.model_dump(include=set(cls.model_fields)))
