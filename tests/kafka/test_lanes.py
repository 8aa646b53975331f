"""What may wait does not make others wait."""

from __future__ import annotations

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition

from tests.kafka.installation import PARTITIONS, Installation

BACKLOG, IN_BETWEEN = 1600, 50
"""More than a worker reads ahead; and far fewer than would go first if its records had to be passed on before."""


async def test_a_backlog_that_may_wait_holds_up_nobody(loa: Installation) -> None:
    await loa.create_topics()
    text = "\n\n".join(["This may take its time."] * 20)
    backlog = [{"request_id": f"bulk-{number}", "text": text, "model": "tone"} for number in range(BACKLOG)]
    await loa.write("requests.bulk", [(None, orjson.dumps(request), []) for request in backlog])
    await loa.worker()
    async with loa.reader("completed", "failed") as reader:
        await reader.until(lambda: len(reader.events) > 3, "the first of the backlog")
        for number in range(3):
            await reader.to_end()
            before = len(reader.events)
            await loa.produce({"request_id": f"single-{number}", "text": "Hello.", "model": "tone"})
            await reader.answered(f"single-{number}")
            assert len(reader.events) - before < IN_BETWEEN


async def test_single_requests_behind_a_backlog_are_carried_past_it(loa: Installation) -> None:
    """Their partition is read in its order, and they do not wait for their turn; each has one result all the same."""
    await loa.create_topics()
    backlog = [{"request_id": f"bulk-{n}", "text": "Some.", "model": "tone", "priority": "bulk"} for n in range(4000)]
    async with AIOKafkaProducer(bootstrap_servers=loa.kafka.bootstrap) as producer:
        for number, request in enumerate(backlog):
            await producer.send(loa.topic("requests"), orjson.dumps(request), partition=number % PARTITIONS)
    singles = {
        f"single-{n}": {"request_id": f"single-{n}", "text": "Hello.", "model": "tone"} for n in range(PARTITIONS)
    }
    places = await loa.produce(*(singles[name] | {"tenant": "small"} for name in singles))
    await loa.worker()
    async with loa.reader("completed", "failed", "requests.retry") as reader:
        outcomes = await reader.answered(*singles)
        carried = [event.headers["loa-source"].decode() for event in reader.of("requests.retry")]
        assert set(places) <= set(carried)
        committed = await loa.kafka.committed(loa.name)
        for place in places:
            topic, partition, offset = place.rsplit("-", 2)
            assert committed.get(TopicPartition(topic, int(partition)), 0) <= int(offset), "its turn has not come"
        await loa.settled()
        await reader.to_end()
        outcomes = {name: [e for e in reader.of("completed") if e["request_id"] == name] for name in singles}
        assert all(
            len({(e["file_id"], e["sha256"], e.headers["ce_id"]) for e in found}) == 1 for found in outcomes.values()
        )
        assert not reader.of("failed")
