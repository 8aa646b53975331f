"""The topics: their names, partitions and retention; made by `loa topics create`, compared before a worker starts.

More partitions than the settings say are right: they can be raised while everything runs, and never be lowered. What
counts partitions asks the broker.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidPartitionsError, KafkaError, TopicAlreadyExistsError, for_code

from streams.routes import part_of, request_topics
from streams.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000
MAX_MESSAGE_BYTES = 2_097_152
KNOWN_TRIES, KNOWN_PAUSE_SECONDS = 100, 0.1

# Outcomes are kept longer than requests, so that an audit of any request still in the log finds its outcome.
RETENTION_DAYS = {
    "requests": 7.0,
    "requests.bulk": 7.0,
    "requests.retry": 7.0,
    "requests.dlq": 30.0,
    "progress": 1.0,
    "completed": 30.0,
    "failed": 30.0,
    "commands": 7.0,
    "cleanup": 7.0,
    "webhooks": 7.0,
    "deleted": 30.0,
    "retained": 30.0,
}
SINGLE = frozenset({"commands"})  # every worker reads all of it


class TopicsError(Exception):
    """Topics are missing or differ from the settings; the message names them and what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be. `short` is its name without the prefix; `partitions`: as many at least."""

    short: str
    name: str
    partitions: int
    retention_days: float

    def config(self) -> dict[str, str]:
        """Broker-side settings.

        The broker stamps the time: clean-up and audits by time must not hang on the clocks of clients, and a record
        with a time long past would be retained for no time at all. Never compacted: a worker must see every offset.
        """
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(int(self.retention_days * DAY_MS)),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
        }


class Topics:
    """All topics of one installation, by their short names: `topics["requests"].name`."""

    def __init__(self, settings: Settings) -> None:
        wrong = sorted(set(settings.topic_retention_days) - set(RETENTION_DAYS))
        if wrong:
            raise SettingsError(
                f"TTS_TOPIC_RETENTION_DAYS: no topic {', '.join(wrong)}; there are {', '.join(RETENTION_DAYS)}"
            )
        days = RETENTION_DAYS | settings.topic_retention_days
        replayed = max(days[short] for short in days if short.startswith("requests") and short != "requests.dlq")
        if settings.tombstone_days < replayed:
            raise SettingsError(
                f"TTS_TOMBSTONE_DAYS={settings.tombstone_days:g}: requests stay {replayed:g} days in the log, and one "
                "that is replayed after its tombstone is gone would be spoken again"
            )
        self._replication = settings.topic_replication
        self._topics = {
            short: Topic(
                short,
                f"{settings.topic_prefix}.{short}",
                1 if short in SINGLE else settings.topic_partitions,
                days[part_of(short)],
            )
            for short in dict.fromkeys([*request_topics(settings), *RETENTION_DAYS])
        }

    def __getitem__(self, short: str) -> Topic:
        return self._topics[short]

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    async def create(self, admin: AIOKafkaAdminClient) -> list[str]:
        """Make the missing topics, and the missing partitions of those that exist. Returns the names of both.

        Raises KafkaError, TopicsError.
        """
        return await self._make(admin) + await self._raise(admin)

    async def _make(self, admin: AIOKafkaAdminClient) -> list[str]:
        present = set(await admin.list_topics())
        missing = [topic for topic in self if topic.name not in present]
        if not missing:
            return []
        made = await admin.create_topics([self._new(topic) for topic in missing])
        for name, code, *detail in made.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise TopicsError(f"{name} could not be made: {for_code(code).__name__} {detail[0] if detail else ''}")
        await self._known(admin, {topic.name: 1 for topic in missing})
        return [topic.name for topic in missing]

    async def _raise(self, admin: AIOKafkaAdminClient) -> list[str]:
        """Give topics the partitions that they lack; which of them a key means changes by it."""
        there = await self.counts(admin)
        wanted = {topic.name: topic.partitions for topic in self if there[topic.short] < topic.partitions}
        if not wanted:
            return []
        try:
            await admin.create_partitions({name: NewPartitions(count) for name, count in wanted.items()})
        except InvalidPartitionsError as error:  # somebody else has raised them meanwhile
            log.warning("not all partitions were added", error=str(error))
        await self._known(admin, wanted)
        return list(wanted)

    async def _known(self, admin: AIOKafkaAdminClient, least: Mapping[str, int]) -> None:
        """Wait until the broker tells others of partitions that were just made: it learns of them a moment later.

        A worker that looked at once would find them missing. `least`: how many, by the topic's name.
        """
        for _ in range(KNOWN_TRIES):
            described = await self._described(admin)
            if all(len(described.get(name, {}).get("partitions", ())) >= count for name, count in least.items()):
                return
            await asyncio.sleep(KNOWN_PAUSE_SECONDS)

    def _new(self, topic: Topic) -> NewTopic:
        new = NewTopic(topic.name, topic.partitions, 1, topic_configs=topic.config())
        new.replication_factor = self._replication  # its constructor refuses -1, the broker's default
        return new

    async def counts(self, admin: AIOKafkaAdminClient) -> dict[str, int]:
        """How many partitions the broker has of each topic, by its short name. Raises TopicsError if one is missing."""
        described = await self._described(admin)
        missing = [topic.name for topic in self if described.get(topic.name, {}).get("error_code", 1)]
        if missing:
            raise TopicsError(f"{', '.join(missing)}: missing; run `loa topics create`")
        return {topic.short: len(described[topic.name]["partitions"]) for topic in self}

    async def compare(self, admin: AIOKafkaAdminClient) -> list[str]:
        """One sentence for each topic that is missing, has fewer partitions or other settings; empty: all is right."""
        described = await self._described(admin)
        configs = await _configs(admin, [t.name for t in self if not described.get(t.name, {}).get("error_code", 1)])
        complaints = []
        for topic in self:
            found = described.get(topic.name)
            if found is None or found["error_code"]:
                complaints.append(f"{topic.name} is missing")
                continue
            partitions = len(found["partitions"])
            if partitions < topic.partitions:
                complaints.append(
                    f"{topic.name} has {partitions} partitions, and {topic.partitions} at least are expected"
                )
            for name, value in topic.config().items():
                actual = configs.get(topic.name, {}).get(name, value)
                if actual != value:
                    complaints.append(f"{topic.name} has {name}={actual}, and {value} is expected")
        return complaints

    async def require(self, admin: AIOKafkaAdminClient) -> None:
        """Raises TopicsError on what is not as it has to be: missing topics or partitions, compaction."""
        fatal = [c for c in await self.compare(admin) if "missing" in c or "partitions" in c or "cleanup.policy" in c]
        if fatal:
            raise TopicsError(
                "; ".join(fatal) + ". Run `loa topics create`, or set TTS_TOPIC_PARTITIONS to what the topics have"
            )

    async def _described(self, admin: AIOKafkaAdminClient) -> dict[str, dict[str, Any]]:
        return {t["topic"]: t for t in await admin.describe_topics([topic.name for topic in self])}


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    except KafkaError:  # a client may produce and consume without the right to see settings
        return {}
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
