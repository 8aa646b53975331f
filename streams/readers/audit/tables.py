"""The log in tables of a temporary SQLite file: joins larger than memory, with a bounded cache."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from storage.records import file_id
from streams.headers import ERRORS
from streams.readers.identity import ask_of, died_at, headers_of, place_of
from streams.readers.tail import event_of
from streams.requests import DEFAULT_TENANT
from streams.routes import request_topics
from streams.settings import Settings

CACHE_KIB = 64 * 1024

TABLES = {
    "ask": "place source file request_id tenant content text time pending",
    "completed": "file request_id tenant place time attempts sha256 pcm_sha256 file_size format text created_at "
    "expires_at model characters seconds cost asked_at",
    "failed": "file request_id tenant place time attempts source code content",
    "deleted": "file tenant place reason deleted_at",
    "dead": "file request_id tenant place time died_at code",
    "held": "file what name",
    "content": "file content",
}
INDEXED = ("ask", "completed", "failed", "deleted", "dead", "held", "content")

Row = tuple[Any, ...]


def seconds(value: Any) -> float | None:
    """A time of an event as seconds since 1970; None if it is none."""
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return None


class Tables:
    """The tables. `committed`: offsets that the workers' group has committed. `young`: records after it are pending.

    Times are seconds since 1970.
    """

    def __init__(
        self, settings: Settings, tenant: str | None, committed: Mapping[TopicPartition, int], young: float
    ) -> None:
        self._settings = settings
        self._tenant = tenant
        self._committed = committed
        self._young = young
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a file that nobody else sees
        for pragma in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("BEGIN")
        for name, columns in TABLES.items():
            self.db.execute(f"CREATE TABLE {name} ({columns.replace(' ', ', ')})")
        self._rows: Mapping[str, tuple[str, Callable[[ConsumerRecord], Row]]] = {
            **dict.fromkeys(request_topics(settings), ("ask", self._ask)),
            "requests.dlq": ("dead", self._dead),
            "completed": ("completed", self._completed),
            "failed": ("failed", self._failed),
            "deleted": ("deleted", self._deleted),
        }

    def close(self) -> None:
        """Remove the file."""
        self.db.close()

    def add(self, short: str, records: Sequence[ConsumerRecord]) -> None:
        """Take in records of a topic."""
        table, row = self._rows[short]
        rows = [row(record) for record in records]
        if self._tenant is not None:
            column = TABLES[table].split().index("tenant")
            rows = [each for each in rows if each[column] == self._tenant]
        self.put(table, rows)

    def put(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(TABLES[table].split()))
        self.db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names are our own

    def index(self) -> None:
        """Make ready for joins."""
        for table in INDEXED:
            self.db.execute(f"CREATE INDEX {table}_file ON {table} (file)")
        self.db.execute("CREATE INDEX ask_source ON ask (source)")
        self.db.execute("CREATE INDEX ask_place ON ask (place)")

    def rows(self, query: str, **values: Any) -> Iterator[dict[str, Any]]:
        """The rows of a query, one at a time."""
        cursor = self.db.execute(query, values)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    def number(self, query: str, **values: Any) -> int:
        """The one number that a query gives."""
        return int(self.db.execute(query, values).fetchone()[0] or 0)

    def _ask(self, record: ConsumerRecord) -> Row:
        ask = ask_of(record, self._settings)
        time = record.timestamp / 1000
        passed = self._committed.get(TopicPartition(record.topic, record.partition), 0)
        pending = record.offset >= passed or time > self._young
        about = (ask.file_id, ask.request_id, ask.tenant)
        return (ask.place, ask.source, *about, ask.content, ask.text_sha256, time, int(pending))

    def _dead(self, record: ConsumerRecord) -> Row:
        headers = headers_of(record)
        died = died_at(headers)
        ask = ask_of(record, self._settings, died)
        code = headers.get(ERRORS + "exception", b"").decode("utf-8", "replace")
        return ask.file_id, ask.request_id, ask.tenant, ask.place, record.timestamp / 1000, died, code

    def _completed(self, record: ConsumerRecord) -> Row:
        event = _event(record)
        get = event.get
        created, cost = seconds(get("created_at")), 0 if get("cached") else _number(get("synthesis_seconds"))
        return (
            *_about(event),
            place_of(record),
            record.timestamp / 1000,
            _number(get("attempts")) or 1,
            *(_text(get(name)) for name in ("sha256", "pcm_sha256")),
            _number(get("file_size")),
            *(_text(get(name)) for name in ("format", "text_sha256")),
            created,
            seconds(get("expires_at")),
            _text(get("model")),
            _number(get("characters")),
            _number(get("duration_seconds")),
            cost,
            (created or record.timestamp / 1000) - cost - _number(get("queue_seconds")),
        )

    def _failed(self, record: ConsumerRecord) -> Row:
        event = _event(record)
        told = [_text(event.get(name)) for name in ("source", "code", "content_sha256")]
        attempts = _number(event.get("attempts")) or 1
        return (*_about(event), place_of(record), record.timestamp / 1000, attempts, *told)

    def _deleted(self, record: ConsumerRecord) -> Row:
        event = _event(record)
        file, _, tenant = _about(event)
        return file, tenant, place_of(record), _text(event.get("reason")), seconds(event.get("deleted_at"))


def _event(record: ConsumerRecord) -> dict[str, Any]:
    return event_of(record) or {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _about(event: Mapping[str, Any]) -> tuple[str | None, str | None, str]:
    """File id, request id and tenant."""
    request_id, tenant = _text(event.get("request_id")), _text(event.get("tenant")) or DEFAULT_TENANT
    named = _text(event.get("file_id"))
    return named or (file_id(tenant, request_id) if request_id else None), request_id, tenant
