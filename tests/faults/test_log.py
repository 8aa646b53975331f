"""What the log may bring: repeats, rewinds, poison, twins on two partitions, a full DLQ, other versions."""

from __future__ import annotations

import signal
from typing import Any

import orjson
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka import admin_client
from streams.settings import load as load_settings
from streams.topics import MAX_MESSAGE_BYTES
from tests.faults.invariants import file_id
from tests.faults.load import BAD, load, mixed, tones
from tests.faults.settings import rounds
from tests.faults.site import Site
from tests.faults.waits import more_outcomes
from tests.kafka.installation import PARTITIONS
from tests.kafka.processes import until

LARGEST = MAX_MESSAGE_BYTES - 4096


async def set_largest_message(site: Site, short: str, size: int) -> None:
    """How large a record of a topic may be; 1: it takes nothing."""
    configs = {"max.message.bytes": str(size), "message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"}
    async with admin_client(load_settings(site.settings)) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, site.topic(short), configs=configs)])


async def test_each_record_three_times_and_the_group_rewound(site: Site) -> None:
    requests, times = mixed("repeated"), rounds(1, 10)
    some = [next(requests) for _ in range(rounds(40, 400))]
    for _ in range(times):
        await site.produce(*[request for request in some for _ in range(3)])
        await site.worker()
        await site.settled()
        await site.stop()
        await site.rewind()
    site.start_worker()
    findings = await site.verify(times)
    assert findings.repeats > 2 * len(some)


async def test_one_id_on_all_partitions_at_once_for_two_workers(site: Site) -> None:
    twins = tones(rounds(20, 300), "twin")
    async with site.kept(2):
        for request in twins:  # the same content to each partition, at the same moment
            await site.produce(*[request] * PARTITIONS)
        await site.settled()
    findings = await site.verify(len(twins))
    assert findings.completed == len(twins)


async def test_poison_and_oversize_records_among_good_ones(site: Site) -> None:
    long = "An endless story. " * (LARGEST // 18 - 10)
    poison = [*BAD, b"", b"{" * 10_000, b"x" * LARGEST, orjson.dumps({"text": long}), b'{"text": "\\u0000"}']
    good = tones(20)
    await site.produce(*poison, *good[:10])
    site.start_worker()
    await site.produce(*poison, *good[10:])
    findings = await site.verify(2 * len(poison))
    assert findings.failed == 2 * len(poison)
    assert findings.completed == len(good)


async def test_a_dead_letter_topic_that_takes_nothing(site: Site) -> None:
    site.statuses.add(1)
    await set_largest_message(site, "requests.dlq", 1)
    async with site.kept():
        (position,) = await site.produce(BAD[0])
        pair = next(pair for pair in await site.ends() if pair.partition == int(position.split("-")[-2]))
        await site.produce(*tones(20))
        await until(lambda: [w.popen.poll() for w in site.processes].count(1) >= 2, "workers that leave with an error")
        assert (await site.kafka.committed(site.name)).get(pair, 0) == 0, "what is not in the DLQ is not passed"
        await set_largest_message(site, "requests.dlq", MAX_MESSAGE_BYTES)
        await site.settled()
    findings = await site.verify()
    assert (findings.completed, findings.failed) == (20, 1)


def from_the_future(number: int) -> dict[str, Any]:
    """What a client of a later version may send."""
    (request,) = tones(1, f"future-{number}")
    return request | {"emotion": "calm", "ssml": {"version": 2}, "callback_url": None, "tags": [1, None]}


async def test_requests_and_records_of_other_versions(site: Site) -> None:
    """Unknown fields and headers, as few fields as can be, and metadata that a later version has stored."""
    newer, older = (
        [from_the_future(number) for number in range(5)],
        {"text": "Old clients say no more.", "model": "tone"},
    )
    await site.worker()
    await site.write("requests", [(None, orjson.dumps(r), [("x-next", b"\xff")]) for r in newer])
    await site.produce(older)
    await site.settled()
    await site.clean()
    for request in newer:
        path = site.storage / "metadata" / f"{file_id(('default', request['request_id']))}.json"
        path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"loudness": {"lufs": -18}}))
    await site.produce(*newer)
    findings = await site.verify()
    assert (findings.completed, findings.repeats) == (6, 10)


@pytest.mark.long
async def test_offsets_rewound_under_load(site: Site) -> None:
    """Offsets set back under load, between two workers of which the first was killed."""
    async with load(site), site.reader("completed", "failed") as reader:
        worker = await site.worker()
        await more_outcomes(reader, 30)
        worker.send(signal.SIGKILL)
        await worker.status()
        await site.rewind()
        await site.worker()
        await more_outcomes(reader, 30)
    await site.verify()
