"""The workers' group: its members, what it has committed, how far it is behind; asked without joining it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

from streams.kafka import admin_client, client_options
from streams.settings import Settings
from streams.topics import Topics

TRIES = 20
WORK = ("requests", "requests.bulk", "requests.retry", "cleanup")
"""What workers have to pass."""


async def committed_offsets(settings: Settings) -> dict[TopicPartition, int]:
    """Offset of the first record not yet passed, of each partition that the group has passed any of."""
    async with admin_client(settings) as admin:
        # A broker that has just started has no coordinator yet.
        missing = (CoordinatorNotAvailableError, NotCoordinatorError)
        async for attempt in stamina.retry_context(on=missing, attempts=TRIES, timeout=60):
            with attempt:
                found = await admin.list_consumer_group_offsets(settings.kafka_group)
    return {pair: passed.offset for pair, passed in found.items() if passed.offset >= 0}


@dataclass(frozen=True, slots=True)
class Member:
    """A worker in the group. `partitions`: the numbers it has of each topic."""

    client: str
    host: str
    partitions: Mapping[str, Sequence[int]]


async def members(settings: Settings) -> list[Member]:
    """The workers that the group has now. Raises KafkaError."""
    async with admin_client(settings) as admin:
        answers = await admin.describe_consumer_groups([settings.kafka_group])
    return [_member(*fields) for answer in answers for group in answer.groups for fields in group[5]]


def _member(_id: str, client: str, host: str, _metadata: bytes, assignment: bytes) -> Member:
    given = ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else []
    partitions = {topic: sorted(numbers) for topic, numbers in sorted(given)}
    return Member(client, host.lstrip("/"), partitions)


async def lag(settings: Settings) -> dict[str, int]:
    """How many records of each lane, and of clean-up, the group has not passed. Raises KafkaError."""
    topics = Topics(settings)
    shorts = {topics[short].name: short for short in WORK}
    committed = await committed_offsets(settings)
    async with AIOKafkaConsumer(*shorts, **client_options(settings)) as consumer:
        pairs = consumer.assignment()
        firsts = await consumer.beginning_offsets(pairs)
        ends = await consumer.end_offsets(pairs)
    behind = dict.fromkeys(WORK, 0)
    for pair in pairs:
        behind[shorts[pair.topic]] += max(0, ends[pair] - max(committed.get(pair, 0), firsts[pair]))
    return behind
