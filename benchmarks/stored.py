"""Files in a store as a worker leaves them, without a worker."""

import hashlib
from datetime import UTC, datetime, timedelta

from storage.files import AudioFiles
from storage.records import Record, file_id


def put(files: AudioFiles, request_id: str, audio: bytes) -> Record:
    """Store these bytes as the wav of a request, and return its record."""
    named, sha256, now = file_id("default", request_id), hashlib.sha256(audio).hexdigest(), datetime.now(UTC)
    record = Record(
        file_id=named,
        file_path=files.file_path(named, "wav"),
        text="x",
        model="tone",
        created_at=now,
        expires_at=now + timedelta(days=1),
        expiry_hours=24,
        file_size=len(audio),
        request_id=request_id,
        format="wav",
        sample_rate=24000,
        duration_seconds=5.2,
        sha256=sha256,
        pcm_sha256=sha256,
        model_revision="1",
        content_sha256=sha256,
    )
    with files.store.scratch() as path:
        path.write_bytes(audio)
        files.put_once(record, path)
    return record
