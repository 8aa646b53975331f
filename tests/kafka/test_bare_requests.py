"""A bare JSON record is enough: from any producer, under any key, in any script; and its outcome is true."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from aiokafka import AIOKafkaProducer
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from tests.kafka.installation import Installation
from tests.kafka.reader import Event, Reader

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
VIETNAMESE = unicodedata.normalize("NFD", "[05] Xin chào, hôm nay trời đẹp quá!")
REQUESTS: dict[str, tuple[bytes | None, dict[str, Any]]] = {
    "no key": (None, {"text": "Hello"}),
    "key of any bytes": (b"\xff\x00\xfe", {"text": "Hello again", "format": "flac"}),
    "empty key": (b"", {"text": "Good morning", "format": "opus"}),
    "unknown fields": (b"k", {"text": "Good evening", "format": "mp3", "colour": {"of": ["no", None]}, "v": 2}),
    "combining marks": (b"k", {"text": VIETNAMESE, "format": "ogg"}),
    "emoji": (b"k", {"text": "Well done 🎉👩‍👩‍👧‍👦, see you 👋🏽", "format": "pcm"}),
    "another rate": (None, {"text": "Hello", "sample_rate": 16000, "expiry_hours": 1.5, "metadata": {"a": [1, "ü"]}}),
    "several chunks": (None, {"text": "This is one sentence. " * 120, "model": "tone"}),
}
SUBTYPES = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG", "opus": "OGG"}


def is_cloud_event(event: Event, loa: Installation, request_id: str) -> None:
    """The headers, as the CloudEvents package reads them."""
    assert len(event.headers) == len(event.record.headers), "no header twice"
    read = from_binary(KafkaMessage(event.headers, event.record.key, event.record.value), JSONFormat())
    attributes = read.get_attributes()
    assert attributes["specversion"] == "1.0"
    assert attributes["type"] == f"loa.{loa.topic(event.short)}"
    assert attributes["source"] and attributes["id"].startswith(event["file_id"])
    assert isinstance(attributes["time"], datetime) and attributes["time"].utcoffset() is not None
    assert event.headers["content-type"] == b"application/json"
    assert read.get_data() == event.fields
    assert event.record.key == request_id.encode()
    assert dict([TRACE]).items() <= event.headers.items()


def is_true(event: Event, loa: Installation, request: dict[str, Any]) -> None:
    """What the event says is what lies on the disk."""
    path, wanted = Path(event["file_path"]), request.get("format", "wav")
    data = path.read_bytes()
    assert path == loa.storage / f"{event['file_id']}.{wanted}" and event["format"] == wanted
    assert hashlib.sha256(data).hexdigest() == event["sha256"]
    assert len(data) == event["file_size"]
    assert event["text_sha256"] == hashlib.sha256(request["text"].encode()).hexdigest()
    assert event["characters"] == len(request["text"])
    if wanted == "pcm":
        samples, rate = np.frombuffer(data, "<i2") / 32768, event["sample_rate"]
    else:
        info = soundfile.info(path)
        assert info.format == SUBTYPES[wanted] and info.channels == 1
        samples, rate = soundfile.read(path)
    assert rate == event["sample_rate"]
    assert rate == request.get("sample_rate", rate)
    # MP3 alone pads with some frames of 1152 samples.
    assert abs(len(samples) / rate - event["duration_seconds"]) <= (4 * 1152 / rate if wanted == "mp3" else 0.001)
    assert np.abs(samples).max() > 0.05, "silent"
    if wanted in {"wav", "flac", "pcm"}:
        pcm = np.round(samples * 32768).astype("<i2").tobytes()
        assert hashlib.sha256(pcm).hexdigest() == event["pcm_sha256"]


def is_recorded(event: Event, loa: Installation, request: dict[str, Any]) -> None:
    """The metadata beside the audio, and the marker that ends both."""
    record = loa.metadata(event["file_id"])
    assert record["text"] == request["text"]
    assert record["file_size_mb"] == pytest.approx(event["file_size"] / 2**20, abs=1e-5)
    assert record["expiry_hours"] == request.get("expiry_hours", 24)
    assert record["metadata"] == request.get("metadata", {}) == event.fields.get("metadata", {})
    shared = """file_id file_path model created_at expires_at file_size request_id tenant format sample_rate
        duration_seconds sha256 pcm_sha256 model_revision voice language"""
    assert {name: record[name] for name in shared.split()} == {name: event[name] for name in shared.split()}
    assert record.keys() >= {"speaker_id", "synthesis"}
    created, expires = (datetime.fromisoformat(event[name]) for name in ("created_at", "expires_at"))
    assert (expires - created).total_seconds() == pytest.approx(record["expiry_hours"] * 3600, abs=1e-3)
    assert event["created_at"].endswith("Z") and event["expires_at"].endswith("Z")
    (marker,) = loa.storage.glob(f"expiry/*/{event['file_id'][0]}/*-{event['file_id']}")
    assert 0 <= (datetime.strptime(marker.name[:16] + "+0000", "%Y%m%dT%H%M%SZ%z") - expires).total_seconds() <= 1


def is_told(reader: Reader, request_id: str, chunks: int) -> bool:
    """Whether all progress of a request is there."""
    return len(reader.of("progress", request_id=request_id)) > chunks


def is_progress(reader: Reader, event: Event, loa: Installation) -> None:
    """Started, then each chunk in turn."""
    told = reader.of("progress", request_id=event["request_id"])
    assert [e["state"] for e in told] == ["started"] + ["chunk"] * event["chunks"]
    assert [e["chunk"] for e in told[1:]] == list(range(1, event["chunks"] + 1))
    assert told[-1]["seconds"] == pytest.approx(event["duration_seconds"], abs=0.1)
    for each in told:
        is_cloud_event(each, loa, event["request_id"])


async def test_each_outcome_is_true(site: Installation) -> None:
    records = [(key, json.dumps(request, ensure_ascii=False).encode(), [TRACE]) for key, request in REQUESTS.values()]
    sent = await site.write("requests", records)
    async with site.reader("progress", "completed", "failed") as reader:
        outcomes = await reader.answered(*sent)
        chunks = {request_id: outcomes[request_id][0].fields.get("chunks", 0) for request_id in sent}
        await reader.until(lambda: all(is_told(reader, *pair) for pair in chunks.items()), "all progress")
        await reader.to_end()
        for request_id, (_, request) in zip(sent, REQUESTS.values(), strict=True):
            (event,) = outcomes[request_id]
            assert event.short == "completed", event.fields
            is_cloud_event(event, site, request_id)
            is_true(event, site, request)
            is_recorded(event, site, request)
            is_progress(reader, event, site)
        spoken = dict(zip(REQUESTS, (outcomes[request_id][0] for request_id in sent), strict=True))
    assert spoken["several chunks"]["chunks"] > 1
    assert spoken["no key"]["language"] == "en" and spoken["no key"]["model"] == "hibari"
    assert spoken["combining marks"]["speaker_id"] == "05" and spoken["combining marks"]["language"] == "vi"


async def test_kcat_is_enough(site: Installation) -> None:
    kcat = shutil.which("kcat") or shutil.which("kafkacat")
    if kcat is None:
        pytest.skip("no kcat here: install the package kcat to see a request produced from the shell")
    lines = [
        json.dumps({"text": f"Line {n} from the shell, chào 🎉", "model": "tone"}, ensure_ascii=False) for n in range(3)
    ]
    command = [kcat, "-P", "-b", site.kafka.bootstrap, "-t", site.topic("requests")]
    wanted = {hashlib.sha256(json.loads(line)["text"].encode()).hexdigest() for line in lines}
    await asyncio.to_thread(subprocess.run, command, input="\n".join(lines).encode(), check=True, timeout=60)
    async with site.reader("completed") as reader:
        await reader.until(lambda: wanted <= {e["text_sha256"] for e in reader.of("completed")}, "what kcat produced")
        for event in reader.of("completed"):
            if event["text_sha256"] in wanted:
                assert event["request_id"].startswith(site.topic("requests") + "-")
                assert not {"traceparent"} & event.headers.keys()


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_client_may_compress_as_it_likes(codec: str, site: Installation) -> None:
    request = {"request_id": f"compressed-{codec}", "text": "Hello " * 40, "model": "tone"}
    async with site.reader("completed") as reader:
        async with AIOKafkaProducer(bootstrap_servers=site.kafka.bootstrap, compression_type=codec) as producer:
            await producer.send_and_wait(site.topic("requests"), json.dumps(request).encode())
        await reader.answered(request["request_id"])
