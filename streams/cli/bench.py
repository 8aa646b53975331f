"""`loa bench`: how fast the voices are on this machine, and what to set for it."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from models.engine import ModelError, Unreadable
from models.measure import Figures
from models.text import has_speech
from streams.advice import Advice, Machine, advise
from streams.bench import Voice, on_gpu, voices_of
from streams.bench import bench as measure_voice
from streams.cli.common import Json, configured, print_json, print_rows
from streams.settings import Settings

_MEBIBYTE = 1 << 20
_MOST_PROCESSES = 256
COLUMNS = ("model", "processes", "slots", "in hand", "audio s/s", "CPU s/s", "p50 ms", "p99 ms", "load s", "MiB each")

Model = Annotated[list[str] | None, typer.Option(help="model to measure, may be given again; default: TTS_MODELS")]


def bench(
    model: Model = None,
    voice: Annotated[str | None, typer.Option(help="voice, see `loa voices`; default: the model's first")] = None,
    text: Annotated[
        str | None, typer.Option(help="file that is spoken, - for standard input; default: its own")
    ] = None,
    seconds: Annotated[float, typer.Option(help="how long each model speaks, loading not counted")] = 20.0,
    processes: Annotated[str | None, typer.Option(help="such as 1,2,4; default: 1 and one per core")] = None,
    as_json: Json = False,
) -> None:
    """Measure the voices on this machine and recommend settings. Needs no broker and stores nothing.

    Audio seconds a second, CPU seconds of the engine processes for one of audio, how long one piece takes alone, time
    to load, memory. Exits 1 if a model could not be loaded, or did not speak every piece.
    """
    counts = _counts(processes)
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"--seconds {seconds:g}: must be more than 0")
    if voice is not None and len(model or ()) > 1:
        raise typer.BadParameter(f"--voice {voice}: belongs to one model; --model was given {len(model or ())} times")
    settings = configured()
    voices = voices_of(settings, model or (), voice, None if text is None else _read(text))
    machine = _machine(settings, voices, as_json=as_json)
    figures, whole = asyncio.run(_measure(settings, voices, counts, seconds, as_json=as_json))
    _show(figures, advise(figures, machine, settings), as_json=as_json)
    raise typer.Exit(0 if whole else 1)


def _counts(processes: str | None) -> list[int]:
    """`1,2,4`; without it 1 and one per core. Raises BadParameter."""
    if processes is None:
        return sorted({1, len(os.sched_getaffinity(0))})
    words = [word.strip() for word in processes.split(",")]
    if not all(word.isascii() and word.isdigit() and 1 <= int(word) <= _MOST_PROCESSES for word in words):
        allowed = f"numbers from 1 to {_MOST_PROCESSES}, separated by commas"
        raise typer.BadParameter(f"--processes {processes!r}: must be {allowed}")
    return sorted({int(word) for word in words})


def _read(name: str) -> str:
    """Of a file or standard input. Raises BadParameter where there is nothing to speak."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"--text {name}: {error.strerror}") from error
    text = raw.decode("utf-8", "replace")
    if not has_speech(text):
        raise typer.BadParameter(f"--text {name}: there is no letter or number to speak in it")
    return text


def _machine(settings: Settings, voices: Sequence[Voice], *, as_json: bool) -> Machine:
    """Told before anything is measured, with a warning where others are at work here."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    machine = Machine(cores, psutil.virtual_memory().available, any(on_gpu(settings, voice) for voice in voices))
    if as_json:
        told = {"cores": cores, "free_bytes": machine.free_bytes, "gpu": machine.gpu}
        print_json({"kind": "machine", **told, "load_average": round(load, 2), "busy": load > cores})
    if load > cores:
        _tell(f"this machine is busy: load average {load:.1f} on {cores} cores. The figures are worse than it can do")
    return machine


async def _measure(
    settings: Settings, voices: Sequence[Voice], counts: Sequence[int], seconds: float, *, as_json: bool
) -> tuple[list[Figures], bool]:
    """Figures of all that can speak, and whether every piece of every voice was spoken."""
    all_figures: list[Figures] = []
    whole = True
    for voice in voices:
        try:
            figures = await measure_voice(settings, voice, counts, seconds, _tell)
        except ModelError as error:
            whole = False
            if as_json:
                print_json({"kind": "failed", "model": voice.choice.model, "message": str(error)})
            hint = "; --text FILE gives it another text" if isinstance(error, Unreadable) else ""
            _tell(f"{voice.choice.model} is left out: {error}{hint}")
            continue
        for each in figures:
            if as_json:
                print_json({"kind": "figures", **_plain(each)})
            if each.failed:
                whole = False
                _tell(f"{each.model}: {each.failed} of {each.failed + each.pieces} pieces failed: {each.failure}")
        all_figures += figures
    return all_figures, whole


def _plain(figures: Figures) -> dict[str, Any]:
    """Every time that was measured would be many lines: `alone` as its percentiles."""
    told = asdict(figures)
    told["alone"] = {"count": len(figures.alone), "p50_seconds": figures.alone_percentile(50)}
    told["alone"]["p99_seconds"] = figures.alone_percentile(99)
    return told | {"audio_seconds_per_second": figures.speed, "cpu_seconds_per_audio_second": figures.cpu_share}


def _row(figures: Figures) -> dict[str, Any]:
    values = (
        f"{figures.model}/{figures.voice}",
        figures.processes,
        figures.slots,
        f"{figures.in_hand:.1f}",
        f"{figures.speed:.4g}",
        "" if figures.cpu_share is None else f"{figures.cpu_share:.3g}",
        f"{figures.alone_percentile(50) * 1000:.3g}",
        f"{figures.alone_percentile(99) * 1000:.3g}",
        f"{figures.load_seconds:.1f}",
        ", ".join(f"{each.resident / _MEBIBYTE:.0f}" for each in figures.memory),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _show(figures: Sequence[Figures], advice: Sequence[Advice], *, as_json: bool) -> None:
    if as_json:
        for each in advice:
            print_json({"kind": "advice", **asdict(each)})
        return
    if figures:
        print_rows(COLUMNS, map(_row, figures), as_json=False)
    for each in advice:
        typer.echo(f"\n{each.setting}={each.value}\n  {each.reason}")


def _tell(what: str) -> None:
    typer.echo(f"loa: {what}", err=True)
