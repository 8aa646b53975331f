"""The index made anew from log and store, beside the one there is: to take its place, or to be compared with it."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import ConsumerRecord, TopicPartition

from storage.files import AudioFiles
from storage.index import Index, replace, sqlite_url, take_store
from storage.index.compare import Drift, Limits, compare
from storage.index.writing import standing
from streams.kafka import cluster_id
from streams.readers.replay import Progress, Replay, counted, open_replay, when
from streams.readers.told import change_of, indexed
from streams.settings import Settings
from streams.topics import Topics
from streams.whole import in_thread

MARGIN = timedelta(days=1)

Offsets = Mapping[tuple[str, int], int]


def retention(settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """Before which times requests, and files that were deleted, are forgotten.

    Files are remembered for as long as their tombstones, and a little longer.
    """
    days = settings.job_retention_days
    remembered = timedelta(days=max(days, settings.tombstone_days)) + MARGIN
    return now - timedelta(days=days), now - remembered


@dataclass(frozen=True, slots=True)
class Made:
    """An index made anew, in a temporary file. `whole_since`: what began later is all still in the log."""

    index: Index
    whole_since: datetime


async def rebuild(settings: Settings, files: AudioFiles, index: Index, progress: Progress) -> None:
    """Make the index anew, and let it take the old one's place at once: until then, the old one answers.

    Raises TopicsError, KafkaError, ReplayError, StoreError.
    """
    async with _made(settings, files, None, progress) as made:
        before, files_before = retention(settings, datetime.now(UTC))
        await in_thread(made.index.prune, before, files_before)
        cluster = await cluster_id(settings)
        if cluster:
            await in_thread(made.index.belong_to, cluster)
        progress("replacing", 0, 0)
        await in_thread(replace, index, made.index)


async def check(settings: Settings, files: AudioFiles, index: Index, progress: Progress, grace: float) -> Drift:
    """Hold the index, as it is now, against what log and store say up to where it stands.

    `grace`: seconds after which what the store has must have been told by the log too.
    Raises TopicsError, KafkaError, ReplayError, StoreError.
    """
    began = datetime.now(UTC)
    with index.database.reading() as there:
        stands = await in_thread(standing, there)
        async with _made(settings, files, stands, progress) as made:
            limits = Limits(made.whole_since, *retention(settings, began), began - timedelta(seconds=grace))
            progress("comparing", 0, 0)
            with made.index.database.reading() as anew:
                return await in_thread(compare, there, anew, limits)


@asynccontextmanager
async def _made(
    settings: Settings, files: AudioFiles, until: Offsets | None, progress: Progress
) -> AsyncIterator[Made]:
    """From the log up to some offsets, or to its end, and from the store."""
    topics = Topics(settings)
    shorts = {topics[short].name: short for short in indexed(settings)}
    with tempfile.TemporaryDirectory(prefix="loa-index-") as folder:
        index = Index.open(sqlite_url(Path(folder) / "index.sqlite"))
        try:
            async with open_replay(settings, list(shorts)) as reader:
                await reader.window(shorts)
                if until is not None:
                    _end_at(reader, until)
                whole_since = _whole_since(reader, topics)
                whole_since = max(whole_since, await _read(reader, index, shorts, settings, progress))
            await in_thread(take_store, index, files, counted("reading the store", 0, progress))
            yield Made(index, whole_since)
        finally:
            index.close()


def _end_at(reader: Replay, until: Offsets) -> None:
    for pair, span in reader.ranges.items():
        span.end = max(span.start, min(span.end, until.get((pair.topic, pair.partition), 0)))


def _whole_since(reader: Replay, topics: Topics) -> datetime:
    """Of partitions from which all was removed it is only known for how long records are kept."""
    days = {topic.name: topic.retention_days for topic in topics}
    bare = [days[pair.topic] for pair, span in reader.ranges.items() if span.first > 0 and span.start == span.end]
    return datetime.now(UTC) - timedelta(days=min(bare)) if bare else datetime.fromtimestamp(0, UTC)


async def _read(
    reader: Replay, index: Index, shorts: Mapping[str, str], settings: Settings, progress: Progress
) -> datetime:
    """Take the log in; returns the time of the oldest record that stands where others were removed."""
    whole_since = datetime.fromtimestamp(0, UTC)
    cut = {pair for pair, span in reader.ranges.items() if span.first > 0}
    seen = counted("reading the log", sum(span.end - span.start for span in reader.ranges.values()), progress)

    def take(records: list[ConsumerRecord]) -> None:
        nonlocal whole_since
        pair = TopicPartition(records[0].topic, records[0].partition)
        if pair in cut:
            cut.remove(pair)
            whole_since = max(whole_since, when(records[0]))
        changes = (change_of(record, shorts[record.topic], settings) for record in records)
        index.apply([change for change in changes if change is not None])

    await reader.into(shorts, take, seen)
    ends = {(pair.topic, pair.partition): span.end for pair, span in reader.ranges.items()}
    await in_thread(index.begin, ends)
    return whole_since
