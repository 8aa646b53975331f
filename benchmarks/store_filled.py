"""Directories full of files, in the layout of a store, made fast: nothing is synced, and what nobody reads is shared.

Audio, record and marker have their own names, as clean-up sees them. Files that live on are hard links to a few inodes:
their directories are as large as in earnest, and their records' content is one file's. Expired files are whole.
"""

import hashlib
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from storage.expiry import SHARDS, Marker, folder
from storage.files import audio_key, metadata_key
from storage.records import Record, file_id

AUDIO = bytes(64)
SHA256 = hashlib.sha256(AUDIO).hexdigest()
LINKS = 60_000
"""Names that one inode may have: ext4 allows 65,000."""
SPREAD = timedelta(days=1)
LATER = timedelta(hours=2)
PAST = timedelta(hours=2)


def new_store(root: Path) -> Path:
    """An empty store."""
    (root / "metadata").mkdir(parents=True)
    (root / "tmp").mkdir()
    return root


def fill(root: Path, files: int, seconds: float) -> int:
    """Put so many files that expire within the day after the next hours; returns how many it came to in the time."""
    began, first = time.monotonic(), datetime.now(UTC).replace(microsecond=0) + LATER
    _make_folders(root, first, first + SPREAD)
    sources: tuple[Path, ...] = ()
    for number in range(files):
        if number % LINKS == 0:
            if time.monotonic() - began > seconds:
                return number
            sources = _sources(root, number)
        named, expires = file_id("default", f"kept-{number}"), first + timedelta(seconds=number % 86_400)
        keys = (audio_key(named, "wav"), metadata_key(named), Marker.at(expires, named).key)
        for source, key in zip(sources, keys, strict=True):
            os.link(source, f"{root}/{key}")
    return files


def expire(root: Path, files: int, turn: int) -> None:
    """Put so many files that expired within the last hours, evenly over them."""
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(files):
        record = _record(root, f"expired-{turn}-{number}", now - PAST * (number + 1) / (files + 1))
        (root / audio_key(record.file_id, "wav")).write_bytes(AUDIO)
        (root / metadata_key(record.file_id)).write_bytes(record.to_bytes())
        marker = root / Marker.at(record.expires_at, record.file_id).key
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_bytes(b"{}")


def _sources(root: Path, number: int) -> tuple[Path, ...]:
    record = _record(root, f"kept-{number}", datetime.now(UTC) + SPREAD)
    paths = tuple(root / "tmp" / f"{number}.{kind}" for kind in ("audio", "record", "marker"))
    for path, content in zip(paths, (AUDIO, record.to_bytes(), b"{}"), strict=True):
        path.write_bytes(content)
    return paths


def _make_folders(root: Path, first: datetime, last: datetime) -> None:
    while first <= last + timedelta(minutes=10):
        for shard in SHARDS:
            (root / folder(first, shard)).mkdir(parents=True, exist_ok=True)
        first += timedelta(minutes=10)


def _record(root: Path, request_id: str, expires: datetime) -> Record:
    named = file_id("default", request_id)
    return Record(
        file_id=named,
        file_path=str(root / audio_key(named, "wav")),
        text="x",
        model="tone",
        created_at=expires - timedelta(days=1),
        expires_at=expires,
        expiry_hours=24,
        file_size=len(AUDIO),
        request_id=request_id,
        format="wav",
        sample_rate=24000,
        duration_seconds=0.0,
        sha256=SHA256,
        pcm_sha256=SHA256,
        model_revision="1",
        content_sha256=SHA256,
    )
