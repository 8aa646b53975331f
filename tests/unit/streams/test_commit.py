"""Offsets are committed with what is noted beside them, or without it where a broker takes no text that long."""

from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import OffsetMetadataTooLargeError

from streams.kafka import commit
from streams.window import Progress

P = TopicPartition("requests", 0)


class Group:
    """As a broker with `offset.metadata.max.bytes=10`."""

    def __init__(self) -> None:
        self.committed: list[Any] = []

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        if any(not isinstance(each, int) and len(each[1]) > 10 for each in offsets.values()):
            raise OffsetMetadataTooLargeError
        self.committed.append(offsets)


async def test_what_the_broker_takes_is_committed() -> None:
    group: Any = Group()
    for text in ("", "short", "longer than ten"):
        await commit(group, {P: Progress(7, text)})
    assert group.committed == [{P: (7, "")}, {P: (7, "short")}, {P: 7}]
