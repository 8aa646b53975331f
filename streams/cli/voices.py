"""`loa voices`: what can speak, and voices cloned from recordings."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from models.dia.voices import VoiceFolder
from streams.cli.common import Json, configured, print_json, print_rows
from streams.parts import open_registry

voices = typer.Typer(invoke_without_command=True)

Model = Annotated[Literal["dia"], typer.Option(help="the engine that is to speak so")]
COLUMNS = ("voice", "languages", "sample_rate", "speakers", "description")


@voices.callback()
def show(
    context: typer.Context,
    language: Annotated[str | None, typer.Option(help="only voices of this language, such as vi")] = None,
    as_json: Json = False,
) -> None:
    """List the voices that can be asked for, unless one of the commands below is given."""
    if context.invoked_subcommand is not None:
        return
    registry = open_registry(configured())
    rows = [
        {
            "voice": f"{engine.name}/{voice.name}",
            "languages": ", ".join(voice.languages),
            "sample_rate": engine.rate,
            "speakers": ", ".join(
                k.zfill(2) for k, v in registry.speakers.items() if v == f"{engine.name}/{voice.name}"
            ),
            "description": voice.description,
        }
        for engine in registry.engines.values()
        for voice in engine.voices
        if language is None or any(tag.split("-")[0] == language.split("-")[0] for tag in voice.languages)
    ]
    print_rows(COLUMNS, rows, as_json=as_json)


@voices.command()
def add(
    name: Annotated[str, typer.Argument(help="what requests call it: letters, digits, and . _ - within")],
    audio: Annotated[Path, typer.Option(help="the recording: 3 to 15 s of one speaker, in any format of libsndfile")],
    text: Annotated[str, typer.Option(help="what is said in it, word for word")],
    model: Model = "dia",
) -> None:
    """Clone a voice from a recording, into TTS_DIA_VOICES. Workers and gateways that run need no restart.

    Only with the speaker's consent: it will say whatever is asked for.
    """
    settings = configured()
    seconds = VoiceFolder(settings.dia_voices).add(name, audio, text)
    print_json({"voice": f"{model}/{name}", "seconds": round(seconds, 2), "directory": str(settings.dia_voices)})
    if model not in settings.models:
        sys.stderr.write(f"loa: {model} is not in TTS_MODELS: nobody can ask for it yet\n")


@voices.command()
def remove(name: Annotated[str, typer.Argument(help="as `add` was given it")], model: Model = "dia") -> None:
    """Forget a cloned voice. What was spoken with it stays."""
    VoiceFolder(configured().dia_voices).remove(name)
    print_json({"voice": f"{model}/{name}", "removed": True})
