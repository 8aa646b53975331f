"""`loa text`: what would be spoken, without speaking it."""

import sys
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from models.choice import Choice
from models.speak import estimate_seconds, plan
from models.text import Chunk
from streams.cli.common import Json, configured, print_json
from streams.errors import RequestError
from streams.parts import open_registry
from streams.requests import SynthesisRequested, parse


def text(
    text: Annotated[str, typer.Argument(help="what would be spoken; - reads standard input")],
    language: Annotated[str | None, typer.Option(help="BCP 47 tag; detected when absent")] = None,
    model: Annotated[str | None, typer.Option(help="engine; by language when absent")] = None,
    voice: Annotated[str | None, typer.Option(help="voice, see `loa voices`")] = None,
    speaker: Annotated[str | None, typer.Option(help="number in the table of speakers")] = None,
    speed: Annotated[float | None, typer.Option(help="0.25 to 4; 1 is the voice's own pace")] = None,
    mixed: Annotated[bool, typer.Option("--mixed", help="each span of another language by a voice of it")] = False,
    as_json: Json = False,
) -> None:
    """Show what would be spoken: language, words, pieces and pauses, voice, estimated seconds. Needs no broker."""
    raw = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    fields = {"language": language, "model": model, "voice": voice, "speaker_id": speaker, "speed": speed}
    fields |= {"mixed": True} if mixed else {}
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        told = _spoken({"text": raw.decode("utf-8", "replace"), **given})
    except RequestError as error:
        typer.echo(f"loa: {error.code}: {error.message}", err=True)
        raise typer.Exit(1) from None
    print_json(told) if as_json else _print(told)


def _spoken(fields: dict[str, Any]) -> dict[str, Any]:
    """What a worker would make of such a request. Raises RequestError."""
    from streams.agents.job import choose

    settings = configured()
    request: SynthesisRequested = parse(orjson.dumps(fields), settings)
    choice = choose(request, open_registry(settings))
    chunks = plan(choice)
    return {
        "language": choice.language,
        "normalised": choice.words,
        "chunks": [_chunk(choice, chunk, request.speed) for chunk in chunks],
        "voice": choice.voice,
        "model": choice.model,
        "speaker_id": choice.speaker_id,
        "estimate_seconds": round(estimate_seconds(choice, chunks, request.speed), 3),
    }


def _chunk(choice: Choice, chunk: Chunk, speed: float) -> dict[str, Any]:
    """A pause is as long as the speed makes it. Who speaks it is told where several do."""
    told = {"text": chunk.text, "pause_after_seconds": round(chunk.pause_after_seconds / speed, 3)}
    by = choice.of(chunk)
    return told if by is choice else told | {"language": by.language, "model": by.model, "voice": by.voice}


def _print(told: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    speaker = f", speaker {told['speaker_id']}" if told["speaker_id"] else ""
    console.print(f"{told['language']}, {told['model']}/{told['voice']}{speaker}, {told['estimate_seconds']:.1f} s")
    for number, chunk in enumerate(told["chunks"], start=1):
        pause = f"  ({chunk['pause_after_seconds']:g} s)" if chunk["pause_after_seconds"] else ""
        by = f"{chunk['language']}, {chunk['model']}/{chunk['voice']}: " if "voice" in chunk else ""
        console.print(f"{number}  {by}{chunk['text']}{pause}", soft_wrap=True)
