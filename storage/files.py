"""Audio files over any store: written once, found, repaired.

    <file_id>.<format>          audio
    metadata/<file_id>.json     the record, which commits the audio; later the tombstone; or the failure
    expiry/…                    markers, see `expiry`
    parts/<file_id>/…           what there is of a file that is not committed yet, see `parts`

The order of effects: marker, audio, record. Each is durable before the next begins, so that whatever a crash cuts off,
the marker leads clean-up to what was left, and a record never stands without audio that was at rest before it. The one
exception is audio that is already there with other bytes (a writer died, or is still at it): the name is then taken by
committing first, and audio is swapped after. Only the writer of the committed record ever replaces audio, and only the
bytes that he saw, so two writers cannot mix. A record whose audio does not match, left by a crash in between, is
repaired when its request comes again: nobody announces a record that he did not write before `adopt` has said yes.

What a first write waits for on a local disk: all bytes and the marker's name at rest, side by side; the audio's name;
the record's. None can go: without the marker's, a power loss could leave audio that nothing will ever expire; without
the audio's, a record without audio; without the record's, an announced file that is gone. The marker alone may have its
name before its bytes are at rest: all it says beyond its name is whose file it was to be, and there is no file yet.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from storage.errors import CorruptRecord, NotFound, Unavailable, translated
from storage.expiry import Marker, next_look
from storage.records import Failure, Record, Stored, Tombstone, parse, sha256
from storage.store import Store

FORMATS = ("wav", "flac", "mp3", "opus", "ogg", "pcm")

Clock = Callable[[], datetime]

_CHUNK = 1 << 20
_OWN_TRIES = 10
_ADOPT_TRIES = 20
_ADOPT_SECONDS = 0.1


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def audio_key(file_id: str, audio_format: str) -> str:
    """Where a file's audio is stored."""
    return f"{file_id}.{audio_format}"


def metadata_key(file_id: str) -> str:
    """Where a file's record or tombstone is stored."""
    return f"metadata/{file_id}.json"


class AudioFiles:
    """Write once, find, repair. All methods block and may raise StoreErrors; all may be repeated after any failure."""

    def __init__(self, store: Store, clock: Clock = now, wait: Callable[[float], None] = time.sleep) -> None:
        """`wait` pauses for that many seconds while another writer finishes."""
        self.store = store
        self.clock = clock
        self._wait = wait

    def file_path(self, file_id: str, audio_format: str) -> str:
        """What a record's `file_path` has to say."""
        return self.store.url(audio_key(file_id, audio_format))

    def find(self, file_id: str) -> Stored | None:
        """The record, tombstone or failure; None if nothing was decided. Raises CorruptRecord."""
        raw = self.raw(file_id)
        stored = None if raw is None else parse(raw)
        return None if isinstance(stored, Tombstone) and stored.passing else stored

    def put_once(self, record: Record, audio: Path) -> tuple[Stored, bool]:
        """Commit record and audio (best a `store.scratch()` file) unless the file id has an outcome already.

        True: ours is committed. False: what was there first, which the caller compares and `adopt`s.
        Raises Unavailable while clean-up removes what a dead writer left under this id.
        """
        _, placed, committed = self.store.put_in_order(
            self._marker(record),
            (audio_key(record.file_id, record.format), audio),
            (metadata_key(record.file_id), record.to_bytes()),
        )
        if committed:
            return self._own(record, audio, sure=placed)
        return self._lost(record, audio, placed=placed)

    def put_failure(self, failure: Failure) -> Stored:
        """Decide that there will be no file, unless the file id has an outcome already: returns the one that stands.

        A failure of an earlier try gives way. Raises Unavailable as `put_once` does.
        """
        _, decided = self.store.put_in_order(
            _note(failure.forget_at, failure), (metadata_key(failure.file_id), failure.to_bytes())
        )
        if decided:
            return failure
        while True:
            raw = self.raw(failure.file_id)
            stands = self._winner(failure.file_id) if raw is None else parse(raw)
            if raw is None or not isinstance(stands, Failure) or stands.passing or stands.attempts >= failure.attempts:
                return self._theirs(stands)
            if self.store.swap(metadata_key(failure.file_id), sha256(raw), failure.to_bytes()):
                return failure

    def replace(self, record: Record, audio: Path) -> tuple[Stored, bool]:
        """Commit anew where a record stands whose audio is missing or wrong, or the failure of an earlier try.

        As `put_once` where nothing stands. A tombstone stays, and so does a record that another has repaired meanwhile.
        Of several that repair at once one wins; the others are told as in `put_once`, and `adopt` in their turn.
        """
        raw = self.raw(record.file_id)
        if raw is None:
            return self.put_once(record, audio)
        before = _parse_or_none(raw)
        if before is not None and self._stays(before, record):
            return self._theirs(before), False
        if isinstance(before, Record):
            record = record.retained_as(before)
        self.mark(record)
        if not self.store.swap(metadata_key(record.file_id), sha256(raw), record.to_bytes()):
            return self._theirs(self._winner(record.file_id)), False
        if isinstance(before, Record) and before.format != record.format:
            self.store.delete(audio_key(before.file_id, before.format))
        return self._own(record, audio, sure=False)

    def _stays(self, before: Stored, record: Record) -> bool:
        if isinstance(before, Failure):
            return before.passing or before.attempts >= record.attempts
        return isinstance(before, Tombstone) or self.verify(before)

    def verify(self, record: Record) -> bool:
        """Whether the audio is there with the record's size and sha256. Reads all of it."""
        key = audio_key(record.file_id, record.format)
        return self.store.size(key) == record.file_size and self._sha256(key) == record.sha256

    def looks_whole(self, record: Record) -> bool:
        """Whether the audio is there with the record's size; reads nothing of it."""
        return self.store.size(audio_key(record.file_id, record.format)) == record.file_size

    def adopt(self, record: Record) -> bool:
        """Whether a record found, not written, may be announced: audio whole, and all of it durable.

        Gives its writer, who may be at work, about two seconds; False then means: `replace` it.
        """
        for attempt in range(_ADOPT_TRIES):
            if attempt:
                self._wait(_ADOPT_SECONDS)
            if self.verify(record):
                self.store.sync(metadata_key(record.file_id), audio_key(record.file_id, record.format))
                return True
        return False

    def read(self, record: Record, start: int = 0, end: int | None = None) -> bytes:
        """The audio's bytes from `start` up to but not including `end`. Raises NotFound once it is deleted."""
        return self.store.get(audio_key(record.file_id, record.format), start, end)

    def open(self, record: Record, start: int = 0, end: int | None = None) -> BinaryIO:
        """A seekable reader of the audio, which a deletion meanwhile does not cut off. Raises NotFound.

        It stands at `start`, and may have only what is from there up to `end`.
        """
        return self.store.open(audio_key(record.file_id, record.format), start, end)

    def fetch(self, record: Record, path: Path) -> bool:
        """Write the audio to a file of this machine; False, whatever is there then, if it is not there whole."""
        digest = hashlib.sha256()
        try:
            with self.open(record) as audio, translated(str(path)), path.open("wb") as file:
                while chunk := audio.read(_CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
        except NotFound:
            return False
        return digest.hexdigest() == record.sha256

    def link(self, record: Record, seconds: float) -> str | None:
        """Where anybody can fetch the audio for so long, without us; None where the store gives no links."""
        return self.store.link(audio_key(record.file_id, record.format), seconds)

    def raw(self, file_id: str) -> bytes | None:
        """The metadata as stored; None if there is none."""
        try:
            return self.store.get(metadata_key(file_id))
        except NotFound:
            return None

    def mark(self, record: Record) -> None:
        """Note, before anything else is written, that this file is there to be cleaned up at its expiry.

        One that is pinned beyond its expiry is noted for its next look, of which there is one a day.
        """
        self.store.put_new(*self._marker(record))

    def remind(self, file_id: str, time: datetime) -> bool:
        """Have clean-up look at what there is under a file id; False if it was told of that very second before."""
        return self.store.put_new(Marker.at(time, file_id).key, b"{}")

    def _marker(self, record: Record) -> tuple[str, bytes]:
        time = next_look(record.expires_at, self.clock()) if record.pinned else record.expires_at
        return _note(time, record, file_path=record.file_path)

    def _own(self, record: Record, audio: Path, *, sure: bool) -> tuple[Stored, bool]:
        """The record is ours: have our audio under it, and a marker. `sure`: no other bytes than ours can be there."""
        # A writer held up past its own expiry may find its marker settled as a dead one's.
        if self.clock() >= record.expires_at:
            self.mark(record)
        key = audio_key(record.file_id, record.format)
        # Clean-up of an earlier, dead writer under this id may have taken our audio before we committed.
        if sure and self.store.size(key) == record.file_size:
            return record, True
        for _ in range(_OWN_TRIES):
            there = self._sha256(key)
            # A writer held up for long may find his record deleted or repaired: the bytes are not his to touch then.
            if self.raw(record.file_id) != record.to_bytes():
                return self._lost(record, audio, placed=False)
            if there == record.sha256:
                return record, True
            placed = self.store.put_new(key, audio) if there is None else self.store.swap(key, there, audio)
            if placed and self.raw(record.file_id) != record.to_bytes():
                return self._lost(record, audio, placed=True)
        raise Unavailable(f"{record.file_id}: its audio changes again and again")

    def _lost(self, record: Record, audio: Path, *, placed: bool) -> tuple[Stored, bool]:
        try:
            winner = self._winner(record.file_id)
        except CorruptRecord:
            return self.replace(record, audio)
        # What stands beside a failure is left to clean-up: another try may be putting its own under that name.
        gone = isinstance(winner, Tombstone)
        if placed and (gone or (isinstance(winner, Record) and winner.format != record.format)):
            self.store.delete(audio_key(record.file_id, record.format))
        return self._theirs(winner), False

    def _winner(self, file_id: str) -> Stored:
        raw = self.raw(file_id)
        if raw is None:
            raise Unavailable(f"{file_id}: its outcome vanished while another was being written")
        return parse(raw)

    def _theirs(self, stored: Stored) -> Stored:
        if not isinstance(stored, Record) and stored.passing:
            raise Unavailable(f"{stored.file_id}: being cleaned up after a writer that died")
        return stored

    def _sha256(self, key: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with self.store.open(key) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except NotFound:
            return None
        return digest.hexdigest()


def _note(time: datetime, about: Record | Failure, **more: str) -> tuple[str, bytes]:
    """A marker's key, and what it says."""
    return Marker.at(time, about.file_id).key, orjson.dumps(
        {"request_id": about.request_id, "tenant": about.tenant} | more
    )


def _parse_or_none(raw: bytes) -> Stored | None:
    try:
        return parse(raw)
    except CorruptRecord:
        return None
