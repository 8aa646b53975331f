"""The dead-letter topic: what is in it, and the way back from it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord

from storage.records import iso
from streams.events import Headers
from streams.headers import ERRORS, again, attempt, origin
from streams.kafka import EventWriter
from streams.readers.identity import ask_of, died_at, headers_of, place_of
from streams.readers.lines import told_headers, value_of
from streams.readers.replay import open_replay, when
from streams.readers.tail import event_of
from streams.settings import Settings
from streams.topics import Topics

REQUEST = "requests"
DEAD = "requests.dlq"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that could not be answered. `died`: its place before; `source`: of the first of which it is a copy.

    `attempt`: the number of the one that failed. `spoken`: whether a later one succeeded. `raw_headers`: as they were.
    """

    place: str
    died: str
    source: str
    time: datetime
    request_id: str
    tenant: str
    file_id: str
    code: str
    message: str
    attempt: int
    key: bytes | None
    value: bytes | None
    raw_headers: tuple[tuple[str, bytes], ...]
    shown: dict[str, Any]
    spoken: bool = False

    def row(self) -> dict[str, Any]:
        """For a list."""
        return {
            "place": self.died,
            "time": iso(self.time),
            "tenant": self.tenant,
            "request_id": self.request_id,
            "code": self.code,
            "attempt": self.attempt,
            "spoken": self.spoken,
            "message": self.message,
        }

    def data(self) -> dict[str, Any]:
        """Everything, as one JSON object."""
        key = None if self.key is None else self.key.decode("utf-8", "replace")
        return (
            self.row()
            | {"file_id": self.file_id, "source": self.source, "dlq_place": self.place, "key": key}
            | (self.shown)
        )

    def copy(self) -> tuple[bytes | None, bytes | None, Headers]:
        """Key, value and headers of the record to put back."""
        return self.key, self.value, again(self.raw_headers, self.source, self.attempt + 1)


async def dead_letters(
    settings: Settings, since: datetime | None = None, code: str | None = None, names: Iterable[str] = ()
) -> list[DeadLetter]:
    """Records of the dead-letter topic, the oldest first; one that was written twice counts once.

    `names`: only those with such a request id, file id or place. Raises TopicsError.
    """
    topics = Topics(settings)
    dead, failed, completed = (topics[short].name for short in (DEAD, "failed", "completed"))
    found: dict[str, DeadLetter] = {}
    wanted = frozenset(names)
    async with open_replay(settings, [dead, failed, completed]) as reader:
        await reader.window([dead, failed, completed], since)
        async for records in reader.batches([dead]):
            for record in records:
                letter = _letter(record, settings)
                named = {letter.request_id, letter.file_id, letter.died, letter.place, letter.source}
                if code in {None, letter.code} and (not wanted or named & wanted):
                    found.setdefault(letter.died, letter)
        if found:
            outcomes = _Outcomes(frozenset(letter.file_id for letter in found.values()))
            async for records in reader.batches([failed, completed]):
                outcomes.take(records)
            found = {place: outcomes.told_of(letter) for place, letter in found.items()}
    return sorted(found.values(), key=lambda letter: (letter.time, letter.died))


class _Outcomes:
    """Of the wanted files: the number of the last try that failed, and those that were spoken in the end."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._attempts: dict[str, int] = {}
        self._spoken: set[str] = set()

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        for record in records:
            event = event_of(record) or {}
            named = event.get("file_id")
            if not isinstance(named, str) or named not in self._wanted:
                continue
            number = event.get("attempts")
            if "code" not in event:
                self._spoken.add(named)
            elif isinstance(number, int):
                self._attempts[named] = max(number, self._attempts.get(named, 1))

    def told_of(self, letter: DeadLetter) -> DeadLetter:
        number = max(letter.attempt, self._attempts.get(letter.file_id, 1))
        return replace(letter, attempt=number, spoken=letter.file_id in self._spoken)


def latest(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """What is worth putting back: nothing that was spoken since, and of what failed again only the last."""
    last: dict[str, DeadLetter] = {}
    for letter in letters:
        before = last.get(letter.source)
        if not letter.spoken and (before is None or letter.attempt >= before.attempt):
            last[letter.source] = letter
    return list(last.values())


async def redrive(settings: Settings, letters: Iterable[DeadLetter]) -> None:
    """As `put_back`, with a producer of its own."""
    writer = EventWriter(settings, Topics(settings))
    await writer.start()
    try:
        await put_back(writer, letters)
    finally:
        await writer.stop()


async def put_back(writer: EventWriter, letters: Iterable[DeadLetter]) -> None:
    """Put records back on the requests' topic, with the next attempt; returns when the broker has them. KafkaError."""
    for letter in letters:
        await writer.write(REQUEST, *letter.copy())


def _letter(record: ConsumerRecord, settings: Settings) -> DeadLetter:
    headers = headers_of(record)
    died = died_at(headers) or place_of(record)
    ask = ask_of(record, settings, died)

    def said(name: str) -> str:
        return headers.get(ERRORS + name, b"").decode("utf-8", "replace")

    return DeadLetter(
        place=place_of(record),
        died=died,
        source=origin(headers, died),
        time=when(record),
        request_id=ask.request_id,
        tenant=ask.tenant,
        file_id=ask.file_id,
        code=said("exception"),
        message=said("message"),
        attempt=attempt(headers),
        key=record.key,
        value=record.value,
        raw_headers=tuple((name, value or b"") for name, value in record.headers),
        shown={"headers": told_headers(record)} | value_of(record),
    )
