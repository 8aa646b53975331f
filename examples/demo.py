"""Loa's whole job on this machine: starts `loa up`, produces requests.jsonl, prints the outcome of each line.

Each `tts.completed` is one JSON line on standard output; all else goes to standard error. Exits 0 if every request was
spoken. Run it with `make demo`; the audio stays under storage/audio until it expires.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

REQUESTS = Path(__file__).with_name("requests.jsonl")
SECONDS = 300


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@asynccontextmanager
async def loa_up() -> AsyncIterator[dict[str, str]]:
    """Run `loa up`; yields what it says once it can speak, and stops it in order at the end."""
    command = [sys.executable, "-m", "streams.cli", "up", "--port", "0"]
    loa = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        line = await loa.stdout.readline()
        if not line:
            raise SystemExit(f"loa up ended with status {await loa.wait()}")
        yield json.loads(line)
    finally:
        if loa.returncode is None:
            loa.terminate()
        await loa.wait()


@asynccontextmanager
async def outcomes(brokers: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that stands at the end of the two topics every request ends in."""
    async with AIOKafkaConsumer("tts.completed", "tts.failed", bootstrap_servers=brokers) as consumer:
        await consumer.seek_to_end()
        yield consumer


async def produce(brokers: str, lines: list[bytes]) -> list[str]:
    """Send each line as it is; returns the id each request has: its own, or the position of its record."""
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        sent = [await producer.send_and_wait("tts.requests", line) for line in lines]
    ids = [json.loads(line).get("request_id") for line in lines]
    return [name or f"{at.topic}-{at.partition}-{at.offset}" for name, at in zip(ids, sent, strict=True)]


async def show(consumer: AIOKafkaConsumer, waiting: list[str]) -> bool:
    """Print the outcome of each request; two requests with one id have one outcome, printed for both."""
    all_spoken = True
    while waiting:
        record = await asyncio.wait_for(consumer.getone(), SECONDS)
        event = json.loads(record.value)
        for _ in range(waiting.count(event["request_id"])):
            waiting.remove(event["request_id"])
            if record.topic == "tts.completed":
                print(record.value.decode(), flush=True)
            else:
                say(f"failed: {record.value.decode()}")
                all_spoken = False
    return all_spoken


async def demo() -> int:
    say("starting Kafka and a worker (the first time fetches Kafka, about 45 MB)")
    async with loa_up() as loa, outcomes(loa["kafka"]) as consumer:
        say(f"Loa can speak: Kafka at {loa['kafka']}, audio in {loa['storage']}")
        waiting = await produce(loa["kafka"], REQUESTS.read_bytes().splitlines())
        all_spoken = await show(consumer, waiting)
        say("every request was spoken" if all_spoken else "some requests failed")
    return 0 if all_spoken else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(demo()))
