"""`loa up` and the commands around it, as a person uses them on one machine; and nothing is left when it ends."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request
from collections.abc import Callable

import soundfile

from streams.broker import EmbeddedBroker
from tests.kafka.conftest import NewLoa
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.processes import PATIENCE, Loa, alive, until


def start(loa: Installation) -> Loa:
    """`loa up` with a broker and a folder of its own; all commands here are started as users start them."""
    loa.zygote = None
    return loa.run("up", "--port", "0", "--data", str(loa.folder / "data"), TTS_KAFKA_BROKERS="")


async def output(loa: Installation, *arguments: str) -> Loa:
    """Run a command to its end, which has to be a good one."""
    command = loa.run(*arguments)
    assert await command.status() == 0, command.said
    return command


async def leave_a_request(broker: EmbeddedBroker, loa: Installation) -> str:
    """Produce while no worker is there."""
    await asyncio.to_thread(broker.start)
    try:
        loa.kafka = Kafka(broker.bootstrap)
        (sent,) = await loa.produce({"text": "Said while nobody was there."})
    finally:
        await asyncio.to_thread(broker.stop)
    return sent


async def speak_and_watch(loa: Installation) -> None:
    """`loa say` and `loa watch --json` beside each other, then Ctrl-C for the watcher."""
    watch = loa.run("watch", "--json", "--from-beginning")
    target = loa.folder / "hello.flac"
    said = (await output(loa, "say", "Hello from one machine.", "-o", str(target), "--json")).lines[0]
    info = soundfile.info(target)
    assert info.format == "FLAC" and info.duration > 0.5
    assert loa.audio() == {f"{said['file_id']}.flac": hashlib.sha256(target.read_bytes()).hexdigest()}
    await until(lambda: {"completed"} <= {line["topic"].rpartition(".")[2] for line in watch.lines}, "what was said")
    states = [line.get("state", "completed") for line in watch.lines if line["request_id"] == said["request_id"]]
    assert sorted(states) == ["chunk", "completed", "started"]
    watch.ctrl_c()
    await watch.status()
    assert "Traceback" not in watch.said


async def look_around(loa: Installation) -> None:
    """The commands that show what there is."""
    check, voices, config, doctor = await asyncio.gather(
        output(loa, "topics", "check"),
        output(loa, "voices", "--json"),
        output(loa, "config", "--json"),
        output(loa, "doctor", "--json"),
    )
    assert check.lines == [] and "all topics" in check.said
    assert any(line["voice"].startswith("hibari/") for line in voices.lines)
    shown = {line["name"]: (line["value"], line["source"]) for line in config.lines}
    assert shown["TTS_MODELS"] == ("hibari,tone", "environment")
    assert shown["TTS_DEFAULT_EXPIRY_HOURS"] == (24, "default")
    assert [line["ok"] for line in doctor.lines] == [True] * len(doctor.lines) and len(doctor.lines) >= 3


def hear(address: str) -> bytes:
    """The first bytes of what is spoken over HTTP."""
    request = urllib.request.Request(f"{address}/api/tts/synthesize", b'{"text": "Hello over HTTP.", "model": "tone"}')
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return bytes(answer.read(4))


async def test_one_machine_from_start_to_end(new_loa: NewLoa, new_broker: Callable[..., EmbeddedBroker]) -> None:
    loa = new_loa(TTS_MODELS="hibari,tone")
    first = start(loa)
    ready = await first.ready()
    assert ready.keys() >= {"ready", "kafka", "http", "storage"} and ready["ready"] is True
    assert ready["storage"] == str(loa.storage)
    loa.more = {**loa.more, "TTS_KAFKA_BROKERS": ready["kafka"]}
    await speak_and_watch(loa)
    await look_around(loa)

    parts = first.children()
    assert "java" in {part.name() for part in parts}
    first.ctrl_c()
    assert await first.status() == 0
    assert alive(parts) == []

    sent = await leave_a_request(new_broker(loa.folder / "data" / "kafka"), loa)
    second = start(loa)
    ready = await second.ready()
    async with loa.reader("completed", "failed") as reader:
        assert [event.short for event in (await reader.answered(sent))[sent]] == ["completed"]
        assert len(reader.of("completed")) == 2, "what was said before is still in the log"
    assert await asyncio.to_thread(hear, ready["http"]) == b"RIFF"

    parts = second.children()
    second.kill()
    await until(lambda: not alive(parts), "the end of broker, worker and engines")
