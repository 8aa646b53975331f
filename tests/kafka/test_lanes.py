"""What may wait does not make others wait."""

from __future__ import annotations

import orjson
from aiokafka import AIOKafkaProducer

from tests.kafka.installation import PARTITIONS, Installation

BACKLOG, IN_BETWEEN = 1600, 50
"""More than a worker reads ahead; and far fewer than would go first if its records had to be passed on before."""

BEFORE = 6000
"""So many that moving them takes longer than answering a request behind them."""


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
    same = {"request_id": "bulk", "text": "Some.", "model": "tone", "priority": "bulk"}  # spoken once: many are cheap
    async with AIOKafkaProducer(bootstrap_servers=loa.kafka.bootstrap) as producer:
        for number in range(BEFORE):
            await producer.send(loa.topic("requests"), orjson.dumps(same), partition=number % PARTITIONS)
    singles = {
        f"single-{n}": {"request_id": f"single-{n}", "text": "Hello.", "model": "tone"} for n in range(PARTITIONS)
    }
    places = await loa.produce(*(singles[name] | {"tenant": "small"} for name in singles))
    await loa.worker()
    async with loa.reader("completed", "failed", "requests.retry", "requests.bulk") as reader:
        await reader.answered(*singles)
        carried = [event.headers["loa-source"].decode() for event in reader.of("requests.retry")]
        assert set(places) <= set(carried)
        await loa.settled()
        await reader.to_end()
        outcomes = {name: [e for e in reader.of("completed") if e["request_id"] == name] for name in singles}
        assert all(
            len({(e["file_id"], e["sha256"], e.headers["ce_id"]) for e in found}) == 1 for found in outcomes.values()
        )
        assert not reader.of("failed")
        for place, found in zip(places, outcomes.values(), strict=True):
            partition = place.rpartition("-")[0]
            before = [e for e in reader.of("requests.bulk") if e.headers["loa-source"].startswith(partition.encode())]
            moved = max(event.record.timestamp for event in before)
            assert min(event.record.timestamp for event in found) < moved, "its turn had not come"
