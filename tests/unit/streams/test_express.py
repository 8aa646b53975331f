"""What is carried past a backlog: what is short, may not wait, and is of somebody who asks for little."""

from typing import Any

import orjson
from aiokafka import ConsumerRecord

from streams import settings
from streams.agents.express import SHORT_BYTES, Express, Turns
from streams.metrics.worker import WorkerMetrics
from tests.fakes import MemoryWriter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(offset: int, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> ConsumerRecord:
    return ConsumerRecord(
        topic="tts.requests",
        partition=3,
        offset=offset,
        timestamp=1_735_898_592_000 + offset,
        timestamp_type=1,
        key=b"k",
        value=value,
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=len(value),
        headers=headers,
    )


def asks(offset: int, headers: tuple[tuple[str, bytes], ...] = (), **fields: Any) -> ConsumerRecord:
    return record(offset, orjson.dumps({"text": "One sentence."} | fields), headers)


def express() -> tuple[Express, MemoryWriter, Clock]:
    writer, clock = MemoryWriter(), Clock()
    made = Express(settings.load({}), writer, lambda _topic: {}, WorkerMetrics(), clock)  # type: ignore[arg-type]
    return made, writer, clock


async def test_single_requests_are_carried_and_named_by_their_own_record():
    carrier, writer, _ = express()
    await carrier.carry([asks(11, request_id="mine"), asks(12, (("traceparent", b"00-1"),))])
    assert carrier.carried == len(writer.records) == 2
    short, key, value, headers = writer.records[0]
    assert (short, key, orjson.loads(value)["request_id"]) == ("requests.retry", b"k", "mine")
    said = dict(headers)
    assert said["loa-source"] == b"tts.requests-3-11"
    assert said["loa-attempt"] == b"1"
    assert said["loa-since"].startswith(b"2025-01-03T")
    assert "loa-not-before" not in said
    assert dict(writer.records[1][3])["traceparent"] == b"00-1"


async def test_what_may_wait_is_long_or_is_none_stays():
    carrier, writer, _ = express()
    stay = [
        asks(0, priority="bulk"),
        asks(1, text="Long. " * SHORT_BYTES),
        record(2, b"no json"),
        record(3, b"[1]"),
        asks(4, (("loa-attempt", b"2"),)),
    ]
    await carrier.carry(stay)
    assert writer.records == []


async def test_what_is_read_again_is_not_carried_again():
    carrier, writer, _ = express()
    await carrier.carry([asks(7), asks(8)])
    await carrier.carry([asks(7), asks(8), asks(9)])
    assert [dict(headers)["loa-source"] for *_, headers in writer.records] == [
        b"tts.requests-3-7",
        b"tts.requests-3-8",
        b"tts.requests-3-9",
    ]


async def test_a_flood_is_not_carried_and_others_are():
    carrier, _, clock = express()
    await carrier.carry([asks(number, tenant="flood") for number in range(500)])
    assert carrier.carried == 16
    await carrier.carry([asks(500, tenant="small"), asks(501)])
    assert carrier.carried == 18
    clock.now += 3
    await carrier.carry([asks(number, tenant="flood") for number in range(502, 600)])
    assert carrier.carried == 24, "two a second"


def test_turns_are_given_back_in_time_and_never_more_than_at_first():
    turns = Turns(looked=0.0)
    assert sum(turns.take(0.0) for _ in range(100)) == 16
    assert sum(turns.take(1.0) for _ in range(100)) == 2
    assert sum(turns.take(1e6) for _ in range(100)) == 16
