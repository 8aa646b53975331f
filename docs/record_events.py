"""Records tests/documents/events/<contract>: a record of every topic, as this version of a real Loa writes it.

make record
"""

import asyncio
import base64
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from streams.topics import RETENTION_DAYS
from streams.version import CONTRACT
from tests.kafka.processes import Loa

FOLDER = Path(__file__).parent.parent / "tests/documents/events" / CONTRACT
ENOUGH_SECONDS = 120
SETTINGS = {
    "TTS_STORAGE_DIR": "storage/audio",
    "TTS_WORKER_ID": "worker-1",
    "TTS_MODELS": "tone,hibari",
    "TTS_MODELS_ON_DEMAND": "hibari",
    "TTS_ENGINE_PROCESSES": "1",
    "TTS_MODEL_MEMORY_MB": "1",  # no room for hibari: what asks for it fails, and is tried again
    "TTS_RETRY_DELAY_SECONDS": "0.1",
    "TTS_WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "TTS_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
}
TRACE = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
SPOKEN = {
    "text": "Hello from Loa.",
    "request_id": "spoken",
    "model": "tone",
    "voice": "sine",
    "speaker_id": "01",
    "language": "en",
    "speed": 1.25,
    "seed": 7,
    "format": "flac",
    "sample_rate": 16_000,
    "stream": True,
    "store": True,
    "expiry_hours": 1.5,
    "return_audio": True,
    "tenant": "acme",
    "priority": "interactive",
    "deadline": "2999-01-03T10:00:00Z",
    "callback_url": "http://127.0.0.1:9/hook",
    "metadata": {"article": 17, "tags": ["a", "b"]},
}
MORE = (
    {"text": "This may wait.", "request_id": "bulk", "model": "tone", "tenant": "acme", "priority": "bulk"},
    {"text": "There is no room.", "request_id": "retried", "model": "hibari", "tenant": "acme"},
    {"text": "Hello.", "request_id": "refused", "voice": "nobody", "tenant": "acme", "metadata": {"article": 18}},
)
ABOUT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "requests": lambda value: value.get("request_id") == "spoken",
    "progress": lambda value: value.get("state") == "chunk" and value["request_id"] == "spoken",
    "completed": lambda value: value["request_id"] == "spoken",
    "failed": lambda value: value["request_id"] == "refused",
    "deleted": lambda value: value["request_id"] == "spoken",
    "retained": lambda value: value["request_id"] == "spoken",
    "requests.retry": lambda value: value["request_id"] == "retried",
    "requests.dlq": lambda value: value["request_id"] == "refused",
}
"""Which record of a topic is kept, where not just the first."""


async def ask(kafka: str, http: str) -> None:
    """All that makes Loa write to every topic."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait("tts.requests", orjson.dumps(SPOKEN), b"spoken", headers=TRACE)
        for request in MORE:
            await producer.send_and_wait("tts.requests", orjson.dumps(request), headers=TRACE)
    async with httpx.AsyncClient(base_url=http, timeout=ENOUGH_SECONDS) as client:
        await client.post("/api/tts/storage/cleanup")
        spoken = {"text": "To be cancelled. " * 2000, "model": "tone", "request_id": "cancelled"}
        await client.post("/api/tts/synthesize", json=spoken, headers={"Prefer": "respond-async"})
        await client.delete("/api/tts/jobs/cancelled")


async def records(kafka: str) -> AsyncIterator[tuple[str, ConsumerRecord, Any]]:
    """Every record from the beginning on: the topic's short name, the record, its value."""
    names = {f"tts.{short}": short for short in RETENTION_DAYS}
    async with AIOKafkaConsumer(*names, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            yield names[record.topic], record, orjson.loads(record.value)


async def record_all(ready: dict[str, str]) -> None:
    """Keep one record of each topic."""
    await ask(ready["kafka"], ready["http"])
    missing = set(RETENTION_DAYS)
    async with asyncio.timeout(ENOUGH_SECONDS), httpx.AsyncClient(base_url=ready["http"]) as client:
        async for short, record, value in records(ready["kafka"]):
            if short not in missing or not ABOUT.get(short, lambda _: True)(value):
                continue
            keep(short, record, value)
            missing.remove(short)
            if short == "completed":
                await client.patch(f"/api/tts/audio/{value['file_id']}/metadata", json={"expiry_hours": 48})
                await client.delete(f"/api/tts/audio/{value['file_id']}")
            if not missing:
                return


def keep(short: str, record: ConsumerRecord, value: Any) -> None:
    """One record as a file."""
    shown = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key and record.key.decode(),
        "headers": [[name, text.decode()] for name, text in record.headers],
        "value": value,
    }
    (FOLDER / f"{short}.json").write_bytes(orjson.dumps(shown, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loa") as folder:
        loa = Loa(["up", "--port", "0"], SETTINGS, Path(folder))
        try:
            await record_all(await loa.ready())
        finally:
            loa.send(signal.SIGTERM)
            await loa.status()


asyncio.run(main())
