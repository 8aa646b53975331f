"""Requests of every kind, made from a seed, and a stream of them while a fault lasts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from tests.faults.settings import SEED
from tests.kafka.installation import PARTITIONS, Installation

SOON_HOURS = 0.0003
"""An expiry of one second."""

BAD: tuple[bytes, ...] = (b"\xff\x00 no JSON", b"[1, 2]", b'{"model": "tone"}', b'{"text": "x", "voice": "nobody"}')
WORDS = (
    "one",
    "request",
    "after",
    "the",
    "other",
    "arrives",
    "while",
    "all",
    "is",
    "not",
    "well",
    "on",
    "this",
    "machine",
)

Request = dict[str, Any]


def tones(count: int, name: str = "tone", **more: Any) -> list[Request]:
    return [{"request_id": f"{name}-{k}", "text": f"This is {name} {k}.", "model": "tone"} | more for k in range(count)]


def mixed(name: str, seed: int = SEED, model: str = "tone") -> Iterator[Request | bytes]:
    """Without end: most are short texts; others are repeats, bad, bulk, long, in other formats, or expire at once."""
    chance = random.Random(f"{name}{seed}")
    sent: list[Request] = []
    number = 0
    while True:
        number += 1
        kind = chance.random()
        if kind < 0.1 and sent:
            yield chance.choice(sent)
            continue
        if kind < 0.16:
            yield chance.choice(BAD)
            continue
        length = 120 if kind < 0.2 else chance.randint(4, 25)
        request: Request = {
            "request_id": f"{name}-{number}",
            "text": " ".join(chance.choices(WORDS, k=length)) + ".",
            "model": model,
        }
        if kind > 0.92:
            request["expiry_hours"] = SOON_HOURS
        elif kind > 0.86:
            request["priority"] = "bulk"
        elif kind > 0.78:
            request["format"] = chance.choice(("flac", "mp3", "opus", "ogg", "pcm"))
        elif kind > 0.75:
            del request["request_id"]
        if "request_id" in request:
            sent.append(request)
        yield request


@asynccontextmanager
async def at_work(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What has no end, until the block ends; fails with what ended it before."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        done = task.done()
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        assert not done, results


@asynccontextmanager
async def load(
    site: Installation, name: str = "load", per_second: float = 20, model: str = "tone"
) -> AsyncIterator[None]:
    """Requests as they come in from clients, until the block ends; the producer sits a broker's absence out."""

    async def flow(producer: AIOKafkaProducer) -> None:
        for number, request in enumerate(mixed(name, model=model)):
            value = request if isinstance(request, bytes) else orjson.dumps(request)
            await (await producer.send(site.topic("requests"), value, partition=number % PARTITIONS))
            await asyncio.sleep(1 / per_second)

    async with (
        AIOKafkaProducer(
            bootstrap_servers=site.kafka.bootstrap, enable_idempotence=True, request_timeout_ms=300_000
        ) as producer,
        at_work(flow(producer)),
    ):
        yield
