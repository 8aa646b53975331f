"""`loa say`: one text, spoken now."""

import asyncio
import base64
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from aiokafka import AIOKafkaConsumer

from streams.cli.common import Json, configured, print_json
from streams.errors import RequestError
from streams.kafka import EventWriter
from streams.readers.tail import event_of, records, tail
from streams.requests import parse
from streams.routes import in_pool, pool_of
from streams.settings import Settings
from streams.topics import Topics

PLAYERS = (["paplay"], ["aplay", "-q"], ["afplay"], ["ffplay", "-loglevel", "error", "-autoexit", "-nodisp"])


def say(
    text: Annotated[str, typer.Argument(help="what to speak")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write; its suffix gives the format")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="voice, see `loa voices`")] = None,
    language: Annotated[str | None, typer.Option(help="BCP 47 tag; detected when absent")] = None,
    model: Annotated[str | None, typer.Option(help="engine; by language when absent")] = None,
    audio_format: Annotated[str | None, typer.Option("--format", help="wav, flac, mp3, opus, ogg or pcm")] = None,
    speed: Annotated[float | None, typer.Option(help="0.25 to 4; 1 is the voice's own pace")] = None,
    mixed: Annotated[bool, typer.Option("--mixed", help="each span of another language by a voice of it")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait for the outcome")] = 120,
    play: Annotated[bool, typer.Option("--play", help="play it when it is there")] = False,
    as_json: Json = False,
) -> None:
    """Speak a text: produces one request, waits for its outcome, and saves the audio."""
    suffix = output.suffix.lstrip(".").lower() if output else ""
    fields = {"voice": voice, "language": language, "model": model, "format": audio_format or suffix, "speed": speed}
    fields |= {"mixed": mixed}
    request = {"text": text, "request_id": str(uuid.uuid4()), "return_audio": True}
    request |= {name: value for name, value in fields.items() if value}
    event = asyncio.run(_ask(configured(), request, timeout))
    if "code" in event:
        typer.echo(f"loa: {event['code']}: {event['message']}", err=True)
        raise typer.Exit(1)
    path = _save(event, output)
    event.pop("audio_base64", None)
    print_json(event) if as_json else typer.echo(
        f"{path}  {event['duration_seconds']:.2f} s  {event['model']}/{event['voice']}"
    )
    if play:
        _play(path)


async def _ask(settings: Settings, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Produce a request and wait for its outcome."""
    topics = Topics(settings)
    writer = EventWriter(settings, topics)
    async with tail(settings, [topics["completed"].name, topics["failed"].name]) as consumer:
        await writer.start()
        try:
            value = orjson.dumps(request)
            await writer.write(_topic(value, settings), request["request_id"].encode(), value, [])
        finally:
            await writer.stop()
        try:
            return await asyncio.wait_for(_outcome(consumer, request["request_id"]), seconds)
        except TimeoutError:
            wait = f"no outcome within {seconds:g} s; is a worker running? The request stays queued as"
            raise SystemExit(f"loa: {wait} {request['request_id']}") from None


def _topic(value: bytes, settings: Settings) -> str:
    """That of the pool which speaks it; what is wrong with a request the worker will say."""
    try:
        return in_pool("requests", pool_of(parse(value, settings), settings))
    except RequestError:
        return "requests"


async def _outcome(consumer: AIOKafkaConsumer, request_id: str) -> dict[str, Any]:
    async for record in records(consumer):
        event = event_of(record)
        if event and event.get("request_id") == request_id:
            return event
    raise RuntimeError("the consumer ended")


def _save(event: dict[str, Any], output: Path | None) -> Path:
    """Write the audio to a file of its own, or name the one in the store."""
    stored = Path(event["file_path"])
    if output is None and stored.exists():
        return stored
    path = output or Path(f"{event['file_id']}.{event['format']}")
    if "audio_base64" in event:
        path.write_bytes(base64.b64decode(event["audio_base64"]))
    elif stored.exists():
        shutil.copyfile(stored, path)
    else:
        raise SystemExit(f"loa: the audio is too large for an event and not on this machine: {event['file_path']}")
    return path


def _play(path: Path) -> None:
    for command in PLAYERS:
        if shutil.which(command[0]):
            subprocess.run([*command, str(path)], check=True)
            return
    raise SystemExit(f"loa: no player found; install one of {', '.join(command[0] for command in PLAYERS)}")
