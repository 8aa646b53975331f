"""What the workers' group has committed, asked without joining it."""

import stamina
from aiokafka import TopicPartition
from aiokafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

from streams.kafka import admin_client
from streams.settings import Settings

TRIES = 20


async def committed_offsets(settings: Settings) -> dict[TopicPartition, int]:
    """Offset of the first record not yet passed, of each partition that the group has passed any of."""
    async with admin_client(settings) as admin:
        # A broker that has just started has no coordinator yet.
        missing = (CoordinatorNotAvailableError, NotCoordinatorError)
        async for attempt in stamina.retry_context(on=missing, attempts=TRIES, timeout=60):
            with attempt:
                found = await admin.list_consumer_group_offsets(settings.kafka_group)
    return {pair: passed.offset for pair, passed in found.items() if passed.offset >= 0}


async def members(settings: Settings) -> int:
    """How many workers the group has now. Raises KafkaError."""
    async with admin_client(settings) as admin:
        for answer in await admin.describe_consumer_groups([settings.kafka_group]):
            for group in answer.groups:
                return len(group[5])
    return 0
