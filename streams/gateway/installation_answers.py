"""What calls about the installation answer with: totals, quotas, workers, dead letters, deliveries, health.

As `streams.gateway.answers`, which has those about speech.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from storage.index import Status
from streams.gateway.answers import Success


class Statistics(BaseModel):
    """Files, requests by status, queued speech by lane. `speed`: seconds of speech a second; null: not known yet."""

    total_files: int = Field(ge=0)
    total_size_mb: float = Field(ge=0)
    expired_files: int = Field(ge=0)
    expired_size_mb: float = Field(ge=0)
    active_files: int
    deleted_files: int = Field(ge=0)
    storage_dir: str | None
    jobs: dict[Status, int]
    queued_seconds: dict[str, float]
    audio_seconds: float = Field(ge=0)
    characters: int = Field(ge=0)
    speed: float | None


class StatisticsAnswer(Success):
    """What is stored, queued and done."""

    stats: Statistics


class Quota(BaseModel):
    """What a tenant may use, and has used: null is no limit, and of what has none nothing need be counted.

    `resets_at`: when the next day of speech begins.
    """

    tenant: str
    speech_limit_seconds: float | None = Field(ge=0)
    speech_used_seconds: float = Field(ge=0)
    stored_limit_mb: float | None = Field(ge=0)
    stored_used_mb: float = Field(ge=0)
    resets_at: datetime


class QuotaAnswer(Success):
    """How a tenant's quotas stand."""

    quota: Quota


class Worker(BaseModel):
    """A worker of the group, with the partitions that it has of each topic."""

    worker: str
    host: str
    partitions: dict[str, list[int]]


class Workers(Success):
    """The workers, and how many records of each topic they have not passed."""

    workers: list[Worker]
    lag: dict[str, int]


class Demand(BaseModel):
    """Seconds of speech that are queued, estimated, and who is there to speak them.

    `pool`: that was asked for, with its own queue, workers and partitions; null: all pools together.
    `worker_speed`: seconds of speech that a worker speaks in a second; null: none has spoken yet, and 1 is taken.
    `recommended_workers`: ceil(`queued_seconds` / (`within_seconds` · `worker_speed`)), and `partitions` at most.
    """

    pool: str | None
    queued_seconds: float = Field(ge=0)
    lanes: dict[str, float]
    workers: int = Field(ge=0)
    partitions: int = Field(ge=1)
    seconds_per_worker: float = Field(ge=0)
    worker_speed: float | None
    within_seconds: float = Field(gt=0)
    recommended_workers: int = Field(ge=0)


class DemandAnswer(Success):
    """How many workers there should be."""

    queue: Demand


class Letter(BaseModel):
    """A request that could not be answered. `preview`: the beginning of its record."""

    place: str
    dlq_place: str
    time: datetime
    tenant: str
    request_id: str
    file_id: str
    code: str
    attempt: int
    spoken: bool
    message: str
    preview: str


class Letters(Success):
    """Requests that could not be answered, the newest first. `total`: how many there are."""

    letters: list[Letter]
    total: int = Field(ge=0)


class Redriven(BaseModel):
    """A request that was put back. `attempt`: the number of the coming one."""

    request_id: str
    tenant: str
    attempt: int


class RedrivenAnswer(Success):
    """What was put back on the log."""

    redriven: list[Redriven]


class Delivery(BaseModel):
    """What an endpoint is told of one event. `url`: of one's own callback. `not_before`: of the next try."""

    id: str
    request_id: str | None
    tenant: str
    endpoint: str
    url: str | None
    state: str
    attempt: int = Field(ge=1)
    detail: str | None
    created_at: datetime
    updated_at: datetime
    not_before: datetime


class DeliveryPage(Success):
    """Deliveries, of the newest event first. `next_cursor`: for the next page; null: this is the last."""

    deliveries: list[Delivery]
    next_cursor: str | None


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
