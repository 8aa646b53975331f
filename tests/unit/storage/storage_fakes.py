"""Stores that die or are interrupted at a chosen effect, and a small world to do it in."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.cleanup import CleanUp
from storage.errors import Unavailable
from storage.files import AudioFiles
from storage.records import Failure, Record, Stored, file_id
from storage.store import Source, Store

START = datetime(2025, 1, 3, 10, 3, 11, 250_000, tzinfo=UTC)


class Crash(BaseException):
    """The process ends here."""


class Watched:
    """A store that calls `before` ahead of each single effect (and of each read, if asked to), with its number."""

    def __init__(self, store: Store, before: Callable[[int], None], reads: bool = False) -> None:
        self._store = store
        self._before = before
        self._reads = reads
        self.effects = 0

    def __getattr__(self, name: str) -> Any:
        if self._reads and name in {"get", "open", "size", "names"}:
            self._effect()
        return getattr(self._store, name)

    def _effect(self) -> None:
        self.effects += 1
        self._before(self.effects - 1)

    def put_new(self, key: str, source: Source) -> bool:
        self._effect()
        return self._store.put_new(key, source)

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        placed = self._store.put_in_order(*puts)
        for _ in puts:
            self._effect()
            yield next(placed)

    def put(self, key: str, source: Source) -> None:
        self._effect()
        self._store.put(key, source)

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        self._effect()
        return self._store.swap(key, sha256, source)

    def delete(self, *keys: str) -> None:
        for key in keys:
            if self._store.size(key) is not None:
                self._effect()
            self._store.delete(key)


def dying(store: Store, at: int) -> Watched:
    def before(effect: int) -> None:
        if effect == at:
            raise Crash

    return Watched(store, before)


def interrupted(store: Store, at: int, meanwhile: Callable[[], object]) -> Watched:
    def before(effect: int) -> None:
        if effect == at:
            meanwhile()

    return Watched(store, before, reads=True)


class World:
    """One store, one clock, and what a worker and a clean-up agent would do with them."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.now = START
        self.waited = 0.0
        self.events: list[tuple[str, str]] = []

    def files(self, store: Store | None = None) -> AudioFiles:
        return AudioFiles(store or self.store, clock=lambda: self.now, wait=self._wait)

    def cleanup(self, store: Store | None = None) -> CleanUp:
        return CleanUp(self.files(store), tombstone_days=30, orphan_grace=900)

    def _wait(self, seconds: float) -> None:
        self.waited += seconds

    def record(self, audio: bytes = b"audio", request_id: str = "r1", **changes: Any) -> Record:
        name = file_id("default", request_id)
        audio_format = changes.get("format", "wav")
        values = {
            "file_id": name, "file_path": f"{name}.{audio_format}", "text": "Xin chào", "model": "tone",
            "created_at": self.now, "expires_at": self.now + timedelta(hours=24), "expiry_hours": 24,
            "file_size": len(audio), "request_id": request_id, "format": audio_format, "sample_rate": 24000,
            "duration_seconds": 1.5, "sha256": hashlib.sha256(audio).hexdigest(), "pcm_sha256": "0" * 64,
            "model_revision": "1", "content_sha256": "c" * 64,
        }  # fmt: skip
        return Record.model_validate({**values, **changes})

    def audio(self, data: bytes) -> Path:
        path = self.folder / hashlib.sha256(data).hexdigest()[:8]
        if not path.exists():
            path.write_bytes(data)
        return path

    def speak(self, data: bytes = b"audio", store: Store | None = None, **changes: Any) -> Stored:
        """As a worker does: put, and adopt or repair what another had put. The outcome it would announce."""
        # No two records are alike to the byte: each says when it was made.
        self.later(microseconds=1)
        files = self.files(store)
        record = self.record(data, **changes)
        stored, ours = files.put_once(record, self.audio(data))
        damaged = not ours and isinstance(stored, Record) and not files.adopt(stored)
        if damaged or (isinstance(stored, Failure) and stored.attempts < record.attempts):
            stored, ours = files.replace(record, self.audio(data))
        return stored

    def failure(self, attempts: int = 3, request_id: str = "r1", **changes: Any) -> Failure:
        values = {
            "file_id": file_id("default", request_id), "request_id": request_id,
            "failed_at": self.now, "forget_at": self.now + timedelta(days=30), "code": "internal",
            "message": "no", "attempts": attempts, "source": "t-0-0",
            "content_sha256": "c" * 64,
        }  # fmt: skip
        return Failure.model_validate({**values, **changes})

    def fail(self, attempts: int = 3, store: Store | None = None) -> Stored:
        """As a worker does after its last try: the outcome it would announce."""
        self.later(microseconds=1)
        return self.files(store).put_failure(self.failure(attempts))

    def put_once(self, data: bytes) -> tuple[Stored, bool]:
        """Put audio that is already in the folder, as several threads may at once."""
        return self.files().put_once(self.record(data), self.folder / hashlib.sha256(data).hexdigest()[:8])

    def clean(self, store: Store | None = None) -> None:
        """As the clean-up agent does, in all shards that have anything."""
        cleanup = self.cleanup(store)
        for shard in sorted({marker.split("/")[2] for marker in self.markers()}):
            for due in cleanup.due(self.now, shard):
                deleted = cleanup.settle(due)
                if deleted is not None:
                    self.events.append((deleted.tombstone.file_id, deleted.tombstone.reason))
                    cleanup.forget(deleted)

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def retried(self, deed: Callable[[], Stored]) -> Stored | None:
        """The deed, or None where it has to come again."""
        try:
            return deed()
        except Unavailable:
            return None

    def held(self) -> list[str]:
        return list(self.store.names())

    def audios(self) -> list[str]:
        return [key for key in self.held() if "/" not in key]

    def markers(self) -> list[str]:
        return [key for key in self.held() if key.startswith("expiry/")]
