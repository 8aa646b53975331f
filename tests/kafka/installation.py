"""One installation of Loa on the tests' broker: its own topics, group, storage directory, workers and readers."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams import beyond
from streams.kafka import admin_client
from streams.routes import group_of, request_topics
from streams.settings import load
from streams.topics import Topics
from streams.window import Progress
from tests.kafka.log import Kafka
from tests.kafka.processes import PATIENCE, Loa, until
from tests.kafka.reader import Reader
from tests.kafka.zygote import Zygote

PARTITIONS = 3


@dataclass
class Installation:
    """`name`: prefix of its topics, and its group. `folder`: all that it leaves on disk.

    `zygote`: what its commands are forked from; without one each is started as a user starts it.
    """

    kafka: Kafka
    name: str
    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)
    zygote: Zygote | None = None
    processes: list[Loa] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its processes; one engine process, since the test machine is small."""
        return {
            "TTS_KAFKA_BROKERS": self.kafka.bootstrap,
            "TTS_TOPIC_PREFIX": self.name,
            "TTS_TOPIC_PARTITIONS": str(PARTITIONS),
            "TTS_KAFKA_GROUP": self.name,
            "TTS_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "TTS_STORAGE_DIR": str(self.storage),
            "TTS_ENGINE_PROCESSES": "1",
            "TTS_MODELS": "tone",
            "TMPDIR": str(self.folder),  # what a killed worker leaves there goes with the test
            **self.more,
        }

    @property
    def storage(self) -> Path:
        return self.folder / "audio"

    def topic(self, short: str) -> str:
        return f"{self.name}.{short}"

    def run(self, *arguments: str, **settings: str) -> Loa:
        """Start a `loa` command."""
        folder = self.folder / f"{os.getpid()}-{len(self.processes)}-{arguments[0]}"
        self.processes.append(Loa(arguments, self.settings | settings, folder, self.zygote))
        return self.processes[-1]

    async def create_topics(self) -> None:
        """Make the topics, for tests that write to them before a worker is there."""
        settings = load(self.settings)
        async with admin_client(settings) as admin:
            await Topics(settings).create(admin)

    def start_worker(self, **settings: str) -> Loa:
        """Start a worker, which makes the topics that are missing."""
        return self.run("worker", "--create-topics", **settings)

    async def worker(self, **settings: str) -> Loa:
        """Start a worker and wait until it can speak."""
        worker = self.start_worker(**settings)
        await worker.ready()
        return worker

    def reader(self, *shorts: str) -> Reader:
        """Reads these topics from their start, without a group."""
        return Reader(self.kafka.bootstrap, {self.topic(short): short for short in shorts}, self.check_workers)

    async def produce(self, *requests: Mapping[str, Any] | bytes | None, key: bytes | None = None) -> list[str]:
        """Write requests in order, bytes as they are; returns the position of each record as `topic-partition-offset`.

        Records without a key go to the partitions in turn.
        """
        values = [r if isinstance(r, bytes) or r is None else orjson.dumps(r) for r in requests]
        return await self.write("requests", [(key, value, []) for value in values])

    async def write(
        self, short: str, records: Sequence[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]
    ) -> list[str]:
        """Write key, value and headers of each record; returns their positions."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, max_request_size=2 * 1024 * 1024, linger_ms=0
        ) as producer:
            sent = []
            for number, (key, value, headers) in enumerate(records):
                partition = number % PARTITIONS if key is None else None
                sent.append(
                    await producer.send_and_wait(self.topic(short), value, key, partition=partition, headers=headers)
                )
        return [f"{at.topic}-{at.partition}-{at.offset}" for at in sent]

    async def ends(self, short: str = "requests") -> dict[TopicPartition, int]:
        """End offsets of a topic's partitions that have records."""
        async with AIOKafkaConsumer(self.topic(short), bootstrap_servers=self.kafka.bootstrap) as consumer:
            return {pair: end for pair, end in (await consumer.end_offsets(consumer.assignment())).items() if end}

    async def open_records(self, short: str = "requests", group: str = "") -> int:
        """How many of a topic's a group has neither passed nor noted as finished."""
        progress, ends = await self.kafka.progress(group or self.name), await self.ends(short)
        reached = [(end, progress.get(pair, Progress(0))) for pair, end in ends.items()]
        return sum(end - at.offset - sum(map(len, beyond.read(*at))) for end, at in reached)

    async def settled(self, seconds: float = PATIENCE) -> None:
        """Wait until all requests in all lanes are committed by their groups: then every outcome is in the log."""
        values = load(self.settings)

        async def all_committed() -> bool:
            self.check_workers()
            groups = [group_of(values, pool) for pool in values.pools]
            committed = {pair: end for group in groups for pair, end in (await self.kafka.committed(group)).items()}
            # Ends are read after it: what was moved to another lane before its commit counts there.
            ends = [await self.ends(lane) for lane in request_topics(values)]
            return all(committed.get(pair, 0) >= end for lane in ends for pair, end in lane.items())

        await until(all_committed, f"{self.name} has committed all its requests", seconds)

    def check_workers(self) -> None:
        """Fail with what it said when a worker has ended that nobody ended."""
        for process in self.processes:
            ended = process.popen.poll()
            wanted = process.arguments[0] not in {"worker", "up"} or ended in {None, 0, -signal.SIGKILL}
            assert wanted, f"{process.arguments} ended with {ended}: {process.said[-3000:]}"

    async def rewind(self) -> None:
        """Set the group back to the beginning, once its members have left or their session has ended."""
        pairs = [TopicPartition(self.topic("requests"), number) for number in range(PARTITIONS)]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=self.name, enable_auto_commit=False
        ) as consumer:
            consumer.assign(pairs)

            async def taken() -> bool:
                try:
                    await consumer.commit(dict.fromkeys(pairs, 0))
                except KafkaError:  # the group still has members
                    return False
                return True

            await until(taken, f"{self.name} rewound")

    def end(self) -> None:
        """End what is still running, at once."""
        for process in self.processes:
            process.end()

    def metadata(self, file_id: str) -> dict[str, Any]:
        """The record or tombstone on disk."""
        fields: dict[str, Any] = orjson.loads((self.storage / "metadata" / f"{file_id}.json").read_bytes())
        return fields

    def audio(self) -> dict[str, str]:
        """sha256 of each audio file on disk, by its name."""
        files = [path for path in self.storage.glob("*.*") if path.is_file()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def unfinished(self) -> list[Path]:
        """Temporary files and pieces of texts that nobody has cleaned up."""
        return [path for folder in ("tmp", "parts") for path in self.storage.glob(f"{folder}/*/**/*") if path.is_file()]
