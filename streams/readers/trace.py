"""One request's story, from all topics in the order of time, and what the store says now."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord

from storage.errors import CorruptRecord
from storage.files import AudioFiles
from storage.records import file_id, iso
from streams.headers import ERRORS
from streams.readers.identity import file_of, headers_of, place_of
from streams.readers.lines import told_headers, value_of
from streams.readers.replay import open_replay, when
from streams.settings import Settings
from streams.topics import Topics
from streams.traces import trace_id


@dataclass(frozen=True, slots=True)
class Step:
    """One record of the story. `short`: its topic without the prefix. `what`: it in a few words."""

    time: datetime
    short: str
    place: str
    what: str
    headers: Mapping[str, str]
    value: Mapping[str, Any]


@dataclass
class Story:
    """`stored`: what the store holds now: `record`, `tombstone`, `damaged` or `nothing`, and its fields."""

    file_id: str
    steps: list[Step] = field(default_factory=list)
    stored: str = "nothing"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether log or store know it."""
        return bool(self.steps) or self.stored != "nothing"

    @property
    def trace_ids(self) -> list[str]:
        """Of the traces that the request was part of, the first of them first; none where its client began none."""
        carried = ({"traceparent": step.headers.get("traceparent", "").encode()} for step in self.steps)
        return list(dict.fromkeys(filter(None, map(trace_id, carried))))

    def lines(self) -> list[dict[str, Any]]:
        """As JSON objects: the steps, then the store."""
        began = self.steps[0].time if self.steps else None
        steps = [
            {"file_id": self.file_id, "topic": step.short, "place": step.place, "time": iso(step.time)}
            | {"seconds": (step.time - began).total_seconds() if began else 0.0, "what": step.what}
            | {"headers": dict(step.headers)}
            | dict(step.value)
            for step in self.steps
        ]
        return [*steps, {"file_id": self.file_id, "store": self.stored, "metadata": dict(self.metadata)}]


def named(request_or_file: str, tenant: str) -> frozenset[str]:
    """The file ids that a word may mean: it may be one itself, or a tenant's request id."""
    own = {request_or_file} if re.fullmatch(r"[0-9a-f]{32}", request_or_file) else set()
    return frozenset(own | {file_id(tenant, request_or_file)})


async def trace(
    settings: Settings, files: AudioFiles, request_or_file: str, tenant: str, since: datetime | None = None
) -> Story:
    """Read all topics and collect what is about one request. Raises TopicsError, StoreError."""
    topics = {topic.name: topic.short for topic in Topics(settings)}
    wanted = named(request_or_file, tenant)
    found: dict[str, list[Step]] = {one: [] for one in wanted}
    async with open_replay(settings, list(topics)) as reader:
        await reader.window(topics, since)
        async for records in reader.batches(topics):
            for record in records:
                about, _ = file_of(record, topics[record.topic], settings)
                if about in wanted:
                    found[about].append(_step(record, topics[record.topic]))
    stories = [_complete(Story(one, sorted(steps, key=lambda s: s.time)), files) for one, steps in found.items()]
    return next((story for story in stories if story.known), Story(file_id(tenant, request_or_file)))


def _complete(story: Story, files: AudioFiles) -> Story:
    try:
        stored = files.find(story.file_id)
    except CorruptRecord:
        story.stored = "damaged"
        return story
    if stored is not None:
        story.stored = type(stored).__name__.lower()
        story.metadata = stored.model_dump(mode="json")
    return story


def _step(record: ConsumerRecord, short: str) -> Step:
    value = value_of(record)
    fields = value.get("value")
    if isinstance(fields, dict):
        fields.pop("audio_base64", None)
    headers = {name: text.decode("utf-8", "replace") for name, text in headers_of(record).items()}
    what = _what(short, fields if isinstance(fields, dict) else {}, headers)
    return Step(_time(record, short, headers), short, place_of(record), what, told_headers(record), value)


def _time(record: ConsumerRecord, short: str, headers: Mapping[str, str]) -> datetime:
    """When it happened: what an event says of itself, since progress may be written some time after; else its record's.

    The time of a request is the broker's, whatever its client says.
    """
    written = when(record)
    try:
        happened = datetime.fromisoformat(headers.get("ce_time", ""))
    except ValueError:
        return written
    return happened if happened.tzinfo and happened < written and not short.startswith("requests") else written


def _what(short: str, event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """A record in a few words; fields that another version or a stranger left out are left out here too."""

    def said(name: str, form: str = "") -> str:
        value = event.get(name)
        return format(value, form) if isinstance(value, int | float) else str(value or "?")

    if short.startswith("requests"):
        again = f", attempt {headers['loa-attempt']}" if "loa-attempt" in headers else ""
        died = headers.get(ERRORS + "exception")
        text = said("text")
        shown = repr(text if len(text) <= 60 else text[:59] + "…")
        return f"{died}: {shown}" if died else f"{shown}{again}"
    if short == "progress":
        return f"{said('state')} {event.get('chunk', '')}/{said('chunks')} by {said('worker')}".replace(" /", " ")
    if short == "completed":
        made = "copied" if event.get("cached") is True else "spoken"
        work = f"{said('duration_seconds', '.2f')} s of audio {made} in {said('synthesis_seconds', '.2f')} s"
        return f"{work}, {said('model')}/{said('voice')}, attempt {said('attempts')}, by {said('worker')}"
    if short == "failed":
        return f"{said('code')}: {said('message')}, attempt {said('attempts')}, by {said('worker')}"
    return {
        "cleanup": "asked to keep it" if event.get("keep") else "asked to delete it",
        "commands": "cancelled",
        "deleted": f"{said('reason')}, {said('file_size')} bytes freed",
        "retained": f"kept until {said('expires_at')}" + (", pinned" if event.get("pinned") is True else ""),
    }.get(short, "")
