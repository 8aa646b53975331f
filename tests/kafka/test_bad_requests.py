"""Sixty bad requests among sixty good ones: each ends once, the bad ones in the DLQ as they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from streams.errors import ErrorCode
from streams.headers import OWN
from tests.kafka.bad_requests import BAD, Bad
from tests.kafka.installation import Installation
from tests.kafka.reader import Event, Reader

HEADERS = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("bytes", b"\x00\xff")]
KIP_1034 = {f"__streams.errors.{n}" for n in ("exception", "message", "stacktrace", "topic", "partition", "offset")}


@asynccontextmanager
async def everything(loa: Installation) -> AsyncIterator[Reader]:
    """All that is in the log once all requests are committed."""
    await loa.settled()
    async with loa.reader("requests", "completed", "failed", "requests.dlq") as reader:
        await reader.to_end()
        yield reader


def key_of(number: int) -> bytes | None:
    """Keys of every kind: none, empty, bytes that are no text, text."""
    return (None, b"", b"\xff\x00\xfe", f"key-{number}".encode())[number % 4]


async def send_nothing_at_all(loa: Installation) -> str:
    """A record with neither key nor value, which `send` refuses and a batch takes."""
    async with AIOKafkaProducer(bootstrap_servers=loa.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None)
        at = await (await producer.send_batch(batch, loa.topic("requests"), partition=0))
    return f"{at.topic}-{at.partition}-{at.offset}"


async def produce_mixed(loa: Installation, bad: list[Bad], good: list[bytes]) -> tuple[dict[str, Bad], set[str]]:
    """Bad and good in turn; returns the bad ones and the good ones by their position in the log."""
    records = []
    for number, (wrong, right) in enumerate(zip(bad, good, strict=True)):
        key = b"tombstone" if wrong.value is None else key_of(number)
        records += [(key, wrong.value, HEADERS), (key_of(number + 1), right, [])]
    sent = await loa.write("requests", records)
    return dict(zip(sent[::2], bad, strict=True)), set(sent[1::2])


def died(letter: Event) -> str:
    """The place of the record that was refused, as the headers of the DLQ tell."""
    return "-".join(letter.headers[f"__streams.errors.{name}"].decode() for name in ("topic", "partition", "offset"))


def source_of(letter: Event) -> str:
    """The place of its first record: of itself, or that of which it is a copy in the bulk lane."""
    return letter.headers.get("loa-source", died(letter).encode()).decode()


def check_letter(letter: Event, received: Event, failed: Event) -> None:
    """A record of the DLQ is what was received, byte for byte, and says why it is there."""
    nothing = received.record.key is None and received.record.value is None
    assert letter.record.key == (source_of(letter).encode() if nothing else received.record.key)
    assert letter.record.value == received.record.value
    ours = len(received.record.headers)
    assert letter.record.headers[:ours] == received.record.headers
    said = {name: value for name, value in letter.record.headers[ours:] if name not in OWN}
    assert said.keys() == KIP_1034
    assert died(letter) == failed["source"]
    assert said["__streams.errors.exception"].decode() == failed["code"]
    assert said["__streams.errors.message"].decode() == failed["message"]


async def test_sixty_bad_among_sixty_good(site: Installation) -> None:
    good = [b'{"text": "Number %d.", "model": "tone"}' % number for number in range(60)]
    bad, spoken = await produce_mixed(site, BAD[:-1], good[:-1])
    bad[await send_nothing_at_all(site)] = Bad(None, "invalid_request", ("empty", "text"))
    spoken |= set(await site.produce(good[-1]))
    assert len(bad) == len(spoken) == 60

    async with everything(site) as reader:
        completed = [event for event in reader.of("completed") if event["request_id"] in spoken | bad.keys()]
        failed = [event for event in reader.of("failed") if event["request_id"] in spoken | bad.keys()]
        letters = [letter for letter in reader.of("requests.dlq") if source_of(letter) in spoken | bad.keys()]
        assert len(completed) == len(failed) == len(letters) == 60
        assert {event["request_id"] for event in completed} == spoken
        why = {event["request_id"]: event for event in failed}
        assert why.keys() == bad.keys() == {source_of(letter) for letter in letters}
        received = {"-".join(map(str, event.at)): event for event in reader.of("requests")}
        for letter in letters:
            check_letter(letter, received[source_of(letter)], why[source_of(letter)])
        for source, event in why.items():
            assert event["code"] == bad[source].code in set(ErrorCode)
            assert all(part in event["message"] for part in bad[source].says), (event["message"], bad[source].says)
            assert event["retryable"] is False and event["attempts"] == 1
            passed_on = event.headers.get("traceparent")
            assert passed_on == dict(received[source].record.headers).get("traceparent")
    site.check_workers()
