"""What is read ahead is bounded for each topic, and one topic's backlog does not pause another."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.agents import transport
from streams.agents.transport import ReadAhead
from streams.window import Partition

BULK, OTHER = [Partition("bulk", 0), Partition("bulk", 1)], [Partition("requests", 0)]


class Consumer:
    """What Faust's consumer does about partitions that are paused."""

    def __init__(self) -> None:
        self._active_partitions = {*BULK, *OTHER}
        self.on_buffer_full = self._active_partitions.discard
        self.on_buffer_drop = self._active_partitions.add

    @property
    def active(self) -> set[Partition]:
        return self._active_partitions


def read(ahead: ReadAhead, consumer: Consumer, count: int, size: int = 1, topic: str = "bulk") -> list[Any]:
    messages = [SimpleNamespace(topic=topic, size=size) for _ in range(count)]
    for message in messages:
        ahead.add(consumer, message)
    return messages


@pytest.mark.parametrize(("most_bytes", "most_records"), [(1000, 10), (10, 1000)])
def test_a_topic_is_paused_at_its_limit_and_goes_on_at_half_of_it(most_bytes: int, most_records: int):
    ahead, consumer = ReadAhead(most_bytes, most_records), Consumer()
    messages = read(ahead, consumer, 9)
    assert consumer.active == {*BULK, *OTHER}
    messages += read(ahead, consumer, 3)
    assert consumer.active == {*OTHER}
    assert ahead.pausing
    for number, message in enumerate(messages, 1):
        assert consumer.active == ({*OTHER} if number <= 7 else {*BULK, *OTHER})
        ahead.take(consumer, message)
    assert not ahead.pausing


def test_what_was_read_before_a_rebalance_does_not_count():
    ahead, consumer = ReadAhead(1000, 10), Consumer()
    old = read(ahead, consumer, 10)
    ahead.reset()
    consumer.active.update(BULK)  # as Faust does when partitions are assigned
    new = read(ahead, consumer, 9)
    for message in old:
        ahead.take(consumer, message)
    assert consumer.active == {*BULK, *OTHER}
    new += read(ahead, consumer, 1)
    assert consumer.active == {*OTHER}
    for message in new[:5]:
        ahead.take(consumer, message)
    assert consumer.active == {*BULK, *OTHER}


async def test_a_record_is_handed_over_at_once_while_records_flow():
    consumer, tasks = object.__new__(transport.Consumer), []

    async def hand_over() -> None:
        tasks.append(asyncio.current_task())

    consumer.flow_active = True
    await consumer.wait_first(hand_over(), asyncio.Event().wait())
    assert tasks == [asyncio.current_task()]
