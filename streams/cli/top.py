"""`loa top`: the installation at a glance, on a terminal or for a program."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.cli.common import configured, print_json
from streams.readers.top import Looking, Picture, looking
from streams.settings import Settings

MIB = 1 << 20
LAGGING = 1000
"""Records from which on a lag is red."""


def top(
    once: Annotated[bool, typer.Option("--once", help="look once, and end")] = False,
    window: Annotated[float, typer.Option(help="seconds of which rates and counts are", min=1, max=86_400)] = 60,
    interval: Annotated[float, typer.Option(help="seconds between two looks", min=0.2)] = 2,
    metrics: Annotated[
        list[str] | None, typer.Option(help="address of a process's metrics, such as http://127.0.0.1:9101; repeat it")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON line for each look")] = False,
) -> None:
    """Watch lag, throughput, workers, engines and failures, until Ctrl-C.

    Reads outcomes and the group's offsets, without joining it; no worker notices. What workers hold is in their own
    metrics: name their addresses with --metrics.
    """
    if not once and not as_json and not sys.stdout.isatty():
        raise typer.BadParameter("standard output is no terminal: give --once, or --json")
    asyncio.run(_top(configured(), window, interval, metrics or (), once=once, as_json=as_json))


async def _top(
    settings: Settings, window: float, interval: float, metrics: Sequence[str], *, once: bool, as_json: bool
) -> None:
    async with looking(settings, window, metrics) as looker:
        if once:
            picture = await looker.look()
            print_json(picture.as_json()) if as_json else _console().print(shown(picture))
        elif as_json:
            while True:
                print_json((await looker.look_again()).as_json())
                await asyncio.sleep(interval)
        else:
            await _live(looker, interval)


async def _live(looker: Looking, interval: float) -> None:
    with Live(Text("looking …"), console=_console(), screen=True, auto_refresh=False) as live:
        while True:
            live.update(shown(await looker.look_again()), refresh=True)
            await asyncio.sleep(interval)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 200)


def shown(picture: Picture) -> RenderableType:
    """A picture for a person."""
    return Group(*_parts(picture))


def _parts(picture: Picture) -> Iterator[RenderableType]:
    made = picture.throughput
    yield Text.assemble(
        ("Loa ", "bold"),
        f"group {picture.group}, {picture.time[:19]}Z, rates of the last {picture.window_seconds:g} s\n",
        (f"{made['completed_per_minute']:g}", "green"),
        " completed a minute, ",
        (f"{made['failed_per_minute']:g}", "red" if made["failed_per_minute"] else ""),
        f" failed, {made['speech_seconds_per_second']:.2f} s of speech a second",
    )
    if picture.trouble:
        yield Text(f"\nKafka does not answer: {picture.trouble}", style="bold red")
    yield _table(
        "Records not passed",
        list(picture.lag),
        [[Text(f"{lag}", "red" if lag >= LAGGING else "") for lag in picture.lag.values()]] if picture.lag else [],
        "not known",
    )
    workers = [_worker(row) for row in picture.workers]
    yield _table(
        "Workers", ("worker", "host", "partitions", "completed", "failed", "speech/s", "last"), workers, "none"
    )
    engines = [_engine(row) for row in picture.engines]
    yield _table("Engines", ("model", "completed", "speech/s", "RTF", "queued", "took"), engines, "nothing was spoken")
    failures = [(row["code"], row["count"], row["request_id"], row["message"]) for row in picture.failures]
    yield _table("Failures", ("code", "count", "the last", "why"), failures, "none")
    if picture.processes:
        columns = ("process", "part", "engines", "pieces", "restarts", "in hand", "speech", "oldest", "memory")
        yield _table("Processes", columns, [_process(row) for row in picture.processes], "")


def _worker(row: Mapping[str, Any]) -> list[Any]:
    host = row["host"] if row["here"] else Text("left", "yellow")
    speed = f"{row['speech_seconds_per_second']:.2f}"
    last = f"{row['last'][11:19]}Z" if row["last"] else ""
    return [row["worker"], host, row["partitions"], row["completed"], row["failed"], speed, last]


def _engine(row: Mapping[str, Any]) -> list[Any]:
    speed = f"{row['speech_seconds_per_second']:.2f}"
    times = (row["real_time_factor"], row["queue_seconds"], row["synthesis_seconds"])
    return [row["model"], row["completed"], speed, *("" if value is None else f"{value:.3g}" for value in times)]


def _process(row: Mapping[str, Any]) -> list[Any]:
    if "error" in row:
        return [row["address"], Text(row["error"], "red"), *[""] * 7]

    def said(name: str, after: str = "") -> str:
        return f"{row[name]:g}{after}" if name in row else ""

    engines = f"{row['engines']:g} of {row['engines_wanted']:g}" if "engines" in row else ""
    memory = f"{row['memory_bytes'] / MIB:.0f} MiB" if "memory_bytes" in row else ""
    times = (said("in_hand_seconds", " s"), said("window_age_seconds", " s"))
    return [row["address"], row["part"], engines, said("pieces"), said("restarts"), said("in_hand"), *times, memory]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> RenderableType:
    if not rows:
        return Text.assemble("\n", (title, "bold"), f": {empty}")
    table = Table(*columns, title=f"\n{title}", title_justify="left", title_style="bold", box=None, header_style="dim")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return table
