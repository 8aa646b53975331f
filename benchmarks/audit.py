"""What `loa audit` takes over a log of a million events, against a bare aiokafka read of it. `make bench-audit`.

Starts a Kafka of its own in a temporary folder and fills it with requests and their outcomes, of which some failed and
half have expired. The command and the bare loop take turns. The files of the store are measured apart.
"""

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from common import Figures, load, machine, pairs, table, write_json
from processes import workplace
from stored import put

from storage.files import AudioFiles
from storage.local import LocalStore
from storage.records import file_id, iso
from streams import settings as settings_module
from streams.kafka import admin_client
from streams.requests import parse
from streams.settings import Settings
from streams.topics import Topics

TOPICS = ("requests", "completed", "failed", "requests.dlq", "deleted")
LONG_AGO = datetime.now(UTC) - timedelta(days=40)  # tombstones are forgotten by then: no file is looked for in vain
AUDIO_BYTES = 250_000


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=500, help="files in the store, each of 250 kB")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved pairs")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    return parser.parse_args()


def events(count: int, settings: Settings) -> Iterator[tuple[str, bytes, bytes, list[tuple[str, bytes]]]]:
    """Topic, key, value and headers of so many records: of 100 records 40 are requests, and 39 have a result."""
    digest, written = "0" * 64, 0
    number = 0
    while written < count:
        name = f"bench-{number}"
        request = {"request_id": name, "text": f"This is request number {number}. " * 3, "model": "tone"}
        about = {"request_id": name, "tenant": f"tenant-{number % 7}" if number % 3 else "default"}
        request |= {"tenant": about["tenant"]}
        value = json.dumps(request).encode()
        about |= {"file_id": file_id(about["tenant"], name)}
        records = [("requests", value, [])]
        if number % 40 == 0:
            failure = {"code": "synthesis_failed", "message": "m", "attempts": 1, "retryable": True, "worker": "w"}
            failure |= {"content_sha256": parse(value, settings).content_sha256(), "source": "tts.requests-0-0"}
            records.append(("failed", json.dumps(about | failure).encode(), cloud("failed")))
            records.append(("requests.dlq", value, [("__streams.errors.exception", b"synthesis_failed")]))
        else:
            records.append(
                ("completed", json.dumps(result(about, request["text"], digest)).encode(), cloud("completed"))
            )
        if number % 2:
            gone = {"reason": "expired", "file_size": 1, "deleted_at": iso(LONG_AGO + timedelta(days=1, seconds=5))}
            records.append(("deleted", json.dumps(about | gone).encode(), cloud("deleted")))
        for topic, data, headers in records:
            yield topic, name.encode(), data, headers
        written += len(records)
        number += 1


def cloud(topic: str) -> list[tuple[str, bytes]]:
    return [("ce_id", b"0" * 42), ("ce_type", f"loa.tts.{topic}".encode()), ("ce_time", iso(LONG_AGO).encode())]


def result(about: dict[str, str], text: str, digest: str) -> dict[str, Any]:
    return about | {
        "file_path": f"/srv/loa/storage/audio/{about['file_id']}.wav",
        "format": "wav",
        "sample_rate": 24000,
        "duration_seconds": 5.2,
        "file_size": 250_044,
        "sha256": digest,
        "pcm_sha256": digest,
        "model": "tone",
        "model_revision": "1",
        "voice": "sine",
        "language": "en",
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "characters": len(text),
        "chunks": 1,
        "created_at": iso(LONG_AGO),
        "expires_at": iso(LONG_AGO + timedelta(days=1)),
        "queue_seconds": 0.01,
        "synthesis_seconds": 0.2,
        "cached": False,
        "attempts": 1,
        "worker": "host-0",
    }


async def fill(settings: Settings, count: int) -> int:
    """Write the events, and commit the group past all requests; returns how many."""
    topics = Topics(settings)
    async with admin_client(settings) as admin:
        await topics.create(admin)
    names, written = {short: topics[short].name for short in TOPICS}, 0
    bulk = {"linger_ms": 20, "max_batch_size": 400_000, "acks": 1}
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_brokers, **bulk) as producer:
        for short, key, value, headers in events(count, settings):
            await producer.send(names[short], value, key, headers=headers)
            written += 1
    group = {"group_id": settings.kafka_group, "enable_auto_commit": False}
    async with AIOKafkaConsumer(names["requests"], bootstrap_servers=settings.kafka_brokers, **group) as consumer:
        while not consumer.assignment():  # noqa: ASYNC110 - the client has no event for it
            await asyncio.sleep(0.1)
        await consumer.commit(await consumer.end_offsets(list(consumer.assignment())))
    return written


async def bare(settings: Settings, count: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU, to read all records and do nothing with them."""
    topics = Topics(settings)
    names = [topics[short].name for short in TOPICS]
    began, began_cpu, seen = time.perf_counter(), time.process_time(), 0
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=settings.kafka_brokers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while seen < count:
            found = await consumer.getmany(timeout_ms=1000)
            seen += sum(map(len, found.values()))
    finally:
        await consumer.stop()
    return time.perf_counter() - began, time.process_time() - began_cpu


def audit(environment: dict[str, str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, and peak memory in MiB of the command, its start included."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "audit", "--json"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
    )
    said = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the audit found something: {said.decode()[:2000]}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def store_files(folder: Path, count: int) -> AudioFiles:
    """A store with so many files of which no event speaks is no healthy one, but takes as long to look at."""
    files = AudioFiles(LocalStore(folder))
    audio = os.urandom(AUDIO_BYTES)
    for number in range(count):
        put(files, f"file-{number}", audio)
    return files


def look(folder: Path, files: AudioFiles, settings: Settings) -> tuple[float, float]:
    """Seconds to hash the audio with nothing around it, and to check all files as the audit does."""
    from streams.readers.audit.findings import Report
    from streams.readers.audit.store_checks import StoreChecks
    from streams.readers.audit.tables import Tables
    from streams.readers.audit.window import Window

    began = time.perf_counter()
    for path in folder.glob("*.wav"):
        hashlib.sha256(path.read_bytes()).hexdigest()
    plain = time.perf_counter() - began
    at = time.time()
    tables = Tables(settings, None, {}, at)
    for path in folder.glob("metadata/*.json"):
        fields = json.loads(path.read_bytes())
        columns = {"file": path.stem, "time": at - 1, "expires_at": None, "place": "x"}
        names = (
            "file request_id tenant place time attempts sha256 pcm_sha256 file_size format text created_at expires_at"
        )
        row = [
            columns.get(name, fields.get(name)) for name in f"{names} model characters seconds cost asked_at".split()
        ]
        tables.put("completed", [tuple(row)])
    tables.index()
    report, looked_at = Report(datetime.now(UTC)), []
    began = time.perf_counter()
    checks = StoreChecks(tables, Window(at, 0, at, 7, {}, {}, {}), report, files, settings, 60)
    checks.listed()
    checks.announced(looked_at.append)
    if report.findings or not sum(looked_at):
        raise SystemExit(f"a sound store is found fault with: {report.findings}")
    return plain, time.perf_counter() - began


async def main() -> int:
    given = options()
    about, figures = machine(("loa-tts", "aiokafka", "orjson")), Figures()
    with workplace() as (broker, folder):
        environment = {"TTS_KAFKA_BROKERS": broker.bootstrap, "TTS_STORAGE_DIR": str(folder / "audio")}
        settings = settings_module.load(environment)
        count = await fill(settings, given.events)
        about["events"] = f"{count:,}"

        async def ours(_: int) -> tuple[float, float, float]:
            return await asyncio.to_thread(audit, environment)

        taken = pairs(given.rounds, lambda _: bare(settings, count), ours)
        async for (plain, plain_cpu), (seconds, cpu, memory) in taken:
            figures.add("audit : bare read", seconds / plain)
            figures.add("audit : bare read, CPU", cpu / plain_cpu)
            figures.add("audit", seconds, "s", "<= 60" if count >= 1_000_000 else "")
            figures.add("audit, CPU", cpu, "s")
            figures.add("bare read", plain, "s")
            figures.add("bare read, CPU", plain_cpu, "s")
            figures.add("peak memory of the audit", memory, "MiB")
        files = store_files(folder / "files", given.files)
        for _ in range(given.rounds):
            plain, seconds = look(folder / "files", files, settings)
            figures.add("files checked : bare sha256", seconds / plain)
            figures.add("files checked", given.files / seconds, "files/s")
        files.store.close()
    about["load average after"] = load()
    table("Machine", ("", ""), list(about.items()))
    figures.show()
    write_json(given.json, about, figures)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
