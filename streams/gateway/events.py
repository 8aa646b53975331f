"""`GET /api/tts/events`: what happens to the caller's requests and files, as it happens, by server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

import orjson
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from streams.gateway.answers import EVENTS
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError, busy
from streams.gateway.event_ids import TOPICS, Places, read, written
from streams.gateway.feed import Event, Listener, Wanted
from streams.gateway.keys import Scope
from streams.gateway.parts import Parts, PartsOf
from streams.readers.replay import Range, ReplayError, open_replay
from streams.readers.tail import event_of
from streams.topics import Topics, TopicsError

ALIVE_SECONDS = 15.0
AGAIN_MS = 2000
BUSY_SECONDS = 5

Kind = Literal["progress", "completed", "failed", "deleted"]

router = APIRouter(tags=["jobs"])
log = structlog.get_logger(__name__)


@router.get(
    "/api/tts/events",
    response_class=StreamingResponse,
    responses={200: {"description": "events, for as long as the caller listens", "content": EVENTS}},
)
async def events(
    request: Request,
    parts: PartsOf,
    type: Annotated[list[Kind] | None, Query(description="only these kinds; repeat it for several")] = None,  # noqa: A002
    request_id: Annotated[str | None, Query(description="only this request's")] = None,
) -> StreamingResponse:
    """The caller's events from now on, or from after `Last-Event-ID`, whichever gateway gave it.

    Each event has the topic as its name and the event, as it is on the log, as its data. One may come twice after a
    resumption: `request_id` and name tell. `gap` says that the log does not reach back as far as the id.
    """
    caller = parts.caller(request, Scope.READ)
    last = request.headers.get("last-event-id")
    after = read(last) if last else None
    if len(parts.feed) >= parts.settings.max_waits:
        raise busy(f"{parts.settings.max_waits} listen already", BUSY_SECONDS)
    if not parts.waits.listening:
        raise ApiError(503, "internal", "the log cannot be reached now", {"Retry-After": str(BUSY_SECONDS)})
    told = _told(parts, _wanted(caller, frozenset(type or TOPICS), request_id), after)
    headers = {"X-Accel-Buffering": "no"}  # a proxy that collects answers would hold events back
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


def _wanted(caller: Caller, kinds: frozenset[str], request_id: str | None) -> Wanted:
    def wanted(short: str, event: Event) -> bool:
        return short in kinds and caller.sees(event.get("tenant")) and request_id in {None, event.get("request_id")}

    return wanted


async def _told(parts: Parts, wanted: Wanted, after: Places | None) -> AsyncIterator[bytes]:
    with parts.feed.listening(wanted) as listener:
        yield b"retry: %d\n" % AGAIN_MS + _mark(written(after or listener.begun))
        try:
            if after is not None:
                async with parts.feed.reading_back:
                    async for piece in _missed(parts, wanted, after, listener.begun):
                        yield piece
            async for piece in _live(parts, listener, after or {}):
                yield piece
        except (KafkaError, ReplayError, TopicsError) as error:
            log.warning("a stream of events ends; its caller goes on with another", error=str(error))


async def _missed(parts: Parts, wanted: Wanted, after: Places, begun: Places) -> AsyncIterator[bytes]:
    """What the log has between two places."""
    topics = Topics(parts.settings)
    behind = sorted({short for short, number in begun if after.get((short, number), 0) < begun[short, number]})
    if not behind:
        return
    places, shorts = {**dict.fromkeys(begun, 0), **after}, {topics[short].name: short for short in behind}
    async with open_replay(parts.settings, list(shorts)) as reader:
        pairs = [pair for pair in reader.consumer.assignment() if begun.get((shorts[pair.topic], pair.partition))]
        firsts: Mapping[TopicPartition, int] = await reader.consumer.beginning_offsets(pairs)
        for pair in pairs:
            place = shorts[pair.topic], pair.partition
            reader.ranges[pair] = Range(max(places[place], firsts[pair]), begun[place], firsts[pair])
            if places[place] < firsts[pair]:
                gap = {"topic": pair.topic, "partition": pair.partition, "from": places[place], "to": firsts[pair]}
                places[place] = firsts[pair]
                yield _event("gap", gap, written(places))
        async for records in reader.batches(shorts):
            for record in records:
                short, event = shorts[record.topic], event_of(record)
                places[short, record.partition] = record.offset + 1
                if event and wanted(short, event):
                    yield _event(short, event, written(places))


async def _live(parts: Parts, listener: Listener, after: Places) -> AsyncIterator[bytes]:
    """What is heard, until the stream has to end; and where it stands, while nothing is."""
    ahead = {place: offset for place, offset in after.items() if offset > listener.begun.get(place, 0)}
    while True:
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                news = await listener.next()
        except TimeoutError:
            if listener.idle:
                yield _mark(written(_furthest(parts.feed.places, ahead)))
            continue
        if news is None:
            return
        if news.offset >= ahead.get((news.short, news.partition), 0):
            yield _event(news.short, news.event, written(_furthest(news.heard, ahead)) if ahead else news.id)


def _furthest(heard: Places, ahead: Places) -> Places:
    """The caller may have read further by another gateway than this one has, and partitions that this one lacks."""
    return {place: max(heard.get(place, 0), ahead.get(place, 0)) for place in {**heard, **ahead}}


def _event(name: str, data: Mapping[str, Any], place: str) -> bytes:
    return _lines(f"id: {place}", f"event: {name}", f"data: {orjson.dumps(data).decode()}")


def _mark(place: str) -> bytes:
    """A place without an event: clients take note of it, and connections stay open."""
    return _lines(f"id: {place}")


def _lines(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n\n").encode()
