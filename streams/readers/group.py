"""The workers' group: its members, what it has committed, how far it is behind; asked without joining it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import stamina
from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

from streams.kafka import admin_client
from streams.readers.tail import tail
from streams.routes import group_of, request_topics
from streams.settings import Settings
from streams.topics import Topics

TRIES = 20


async def committed_offsets(settings: Settings) -> dict[TopicPartition, int]:
    """Offset of the first record not yet passed, of each partition that its group, of any pool, has passed any of."""
    found: dict[TopicPartition, int] = {}
    async with admin_client(settings) as admin:
        for pool in settings.pools:
            # A broker that has just started has no coordinator yet.
            missing = (CoordinatorNotAvailableError, NotCoordinatorError)
            async for attempt in stamina.retry_context(on=missing, attempts=TRIES, timeout=60):
                with attempt:
                    passed = await admin.list_consumer_group_offsets(group_of(settings, pool))
            found |= {pair: place.offset for pair, place in passed.items() if place.offset >= 0}
    return found


@dataclass(frozen=True, slots=True)
class Member:
    """A worker in the group of its pool. `partitions`: the numbers it has of each topic."""

    client: str
    host: str
    partitions: Mapping[str, Sequence[int]]


async def members(settings: Settings, *pools: str) -> list[Member]:
    """The workers that the groups of these pools have now, or of all where none is named. Raises KafkaError."""
    async with admin_client(settings) as admin:
        # One at a time: aiokafka cannot read an answer about several.
        groups = [await admin.describe_consumer_groups([group_of(settings, pool)]) for pool in pools or settings.pools]
    found = [group for answers in groups for answer in answers for group in answer.groups]
    return [_member(*fields) for group in found for fields in group[5]]


def _member(_id: str, client: str, host: str, _metadata: bytes, assignment: bytes) -> Member:
    given = ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else []
    partitions = {topic: sorted(numbers) for topic, numbers in sorted(given)}
    return Member(client, host.lstrip("/"), partitions)


async def lag(settings: Settings) -> dict[str, int]:
    """How many records of each lane, and of clean-up, their groups have not passed. Raises KafkaError, TopicsError."""
    topics, work = Topics(settings), (*request_topics(settings), "cleanup")
    shorts = {topics[short].name: short for short in work}
    committed = await committed_offsets(settings)
    async with tail(settings, list(shorts)) as consumer:
        pairs = consumer.assignment()
        firsts = await consumer.beginning_offsets(pairs)
        ends = await consumer.end_offsets(pairs)
    behind = dict.fromkeys(work, 0)
    for pair in pairs:
        behind[shorts[pair.topic]] += max(0, ends[pair] - max(committed.get(pair, 0), firsts[pair]))
    return behind
