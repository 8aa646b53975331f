"""What is recorded of a file: who asked for it, how it was made, and until when it is kept."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.choice import MixedChoice
from storage.files import AudioFiles
from storage.records import Record
from streams.agents.job import Job
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Draft:
    """An encoded file that is not committed yet. `size`: bytes. `sample_rate`: Hz. Hashes: of the file, the samples.

    `cached`: it is a copy of another.
    """

    sha256: str
    size: int
    pcm_sha256: str
    sample_rate: int
    duration_seconds: float
    cached: bool = False


def record_of(job: Job, draft: Draft, settings: Settings, files: AudioFiles, worker: str) -> Record:
    """The record that commits a draft as the file of a job."""
    request, choice, now = job.request, job.choice, datetime.now(UTC)
    lifetime = job.lifetime(settings)
    started = job.started or now
    created = max(now, job.first.time)  # by the broker's clock, if ours is behind: the file would be deleted early
    return Record(
        file_id=job.file_id,
        file_path=files.file_path(job.file_id, request.format),
        text=request.text,
        speaker_id=choice.speaker_id,
        model=choice.model,
        created_at=created,
        expires_at=created + lifetime,
        expiry_hours=lifetime.total_seconds() / 3600,
        file_size=draft.size,
        request_id=job.request_id,
        tenant=request.tenant_id,
        format=request.format,
        sample_rate=draft.sample_rate,
        duration_seconds=draft.duration_seconds,
        sha256=draft.sha256,
        pcm_sha256=draft.pcm_sha256,
        model_revision=choice.revision,
        voice=choice.voice,
        language=choice.language,
        synthesis=_synthesis(job),
        metadata=request.metadata or {},
        callback_url=request.callback,
        content_sha256=job.content,
        cache_key=job.cache_key(settings),
        cached=draft.cached,
        queue_seconds=round(max(0.0, (started - job.first.time).total_seconds()), 6),
        synthesis_seconds=round((now - started).total_seconds(), 6),
        attempts=job.attempt,
        worker=worker,
    )


def _synthesis(job: Job) -> dict[str, Any]:
    """How it was spoken. `mixed`: by several `voices`, and what to ask for to get the same ones again."""
    request, choice = job.request, job.choice
    how: dict[str, Any] = {
        "speed": request.speed,
        "seed": request.seed_or_derived(),
        "characters": len(request.text),
        "chunks": len(job.chunks),
        "text_sha256": hashlib.sha256(request.text.encode()).hexdigest(),
    }
    if isinstance(choice, MixedChoice):
        around = choice.around
        how["mixed"] = {"model": request.model, "voice": around.full_voice, "language": around.language}
        how["voices"] = choice.voices
    return how
