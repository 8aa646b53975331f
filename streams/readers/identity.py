"""Whose record is it? The names by which records of several topics are found to be about one request."""

import hashlib
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord

from storage.records import file_id
from streams.errors import RequestError
from streams.headers import ERRORS, attempt, origin, position
from streams.readers.tail import event_of
from streams.requests import DEFAULT_TENANT, SynthesisRequested, parse
from streams.routes import REQUEST_TOPICS, part_of
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Ask:
    """A record that asks for speech. `place`: of this record; `source`: of the first of which it is a copy.

    `content`: the request's fingerprint, `text_sha256`: of its text; None for what is no valid request.
    """

    request_id: str
    tenant: str
    file_id: str
    place: str
    source: str
    attempt: int
    content: str | None
    text_sha256: str | None


def place_of(record: ConsumerRecord) -> str:
    """A record's place in the log."""
    return position(record.topic, record.partition, record.offset)


def headers_of(record: ConsumerRecord) -> dict[str, bytes]:
    """The last value of each header."""
    return {name: value or b"" for name, value in record.headers}


def died_at(headers: dict[str, bytes]) -> str | None:
    """Where a record of the dead-letter topic was before; None if its headers do not tell."""
    said = [headers.get(ERRORS + name, b"").decode("utf-8", "replace") for name in ("topic", "partition", "offset")]
    return (
        position(said[0], int(said[1]), int(said[2])) if said[0] and said[1].isdigit() and said[2].isdigit() else None
    )


def understood(record: ConsumerRecord, settings: Settings) -> tuple[SynthesisRequested | None, dict[str, Any]]:
    """The request, and its own id, tenant and metadata; None, and what of those could be read, for what is none."""
    try:
        request = parse(record.value, settings)
    except RequestError as error:
        return None, error.echo
    return request, {"request_id": request.request_id, "tenant": request.tenant, "metadata": request.metadata}


def ask_of(record: ConsumerRecord, settings: Settings, place: str | None = None) -> Ask:
    """Name a record as the worker does that answers it. `place`: where it was, for a dead letter."""
    headers = headers_of(record)
    place = place or place_of(record)
    source = origin(headers, place)
    content = text_sha256 = None
    request, echo = understood(record, settings)
    if request is not None:
        content = request.content_sha256()
        text_sha256 = hashlib.sha256(request.text.encode()).hexdigest()
    request_id = echo.get("request_id") or source
    tenant = echo.get("tenant") or DEFAULT_TENANT
    named = file_id(tenant, request_id)
    return Ask(request_id, tenant, named, place, source, attempt(headers), content, text_sha256)


def file_of(record: ConsumerRecord, short: str, settings: Settings) -> tuple[str | None, str | None]:
    """File id and tenant of whatever a record of some topic is about; None for what it does not tell."""
    if part_of(short) in REQUEST_TOPICS:
        ask = ask_of(record, settings)
        return ask.file_id, ask.tenant
    if short == "requests.dlq":
        ask = ask_of(record, settings, died_at(headers_of(record)))
        return ask.file_id, ask.tenant
    fields = event_of(record) or {}
    named, tenant, request_id = fields.get("file_id"), fields.get("tenant"), fields.get("request_id")
    if not isinstance(named, str) and isinstance(request_id, str):
        named = file_id(tenant if isinstance(tenant, str) else DEFAULT_TENANT, request_id)
    return named if isinstance(named, str) else None, tenant if isinstance(tenant, str) else None
