"""`loa index`: the index made anew, or compared with log and store."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from streams.cli.common import Json, configured, print_json, progress_bar
from streams.parts import open_files
from streams.settings import Settings

if TYPE_CHECKING:
    from storage.index.compare import Drift

GRACE_SECONDS = 60.0

index = typer.Typer(
    help="Make the index of jobs, files, webhook deliveries and totals anew, or compare it with log and store.",
    no_args_is_help=True,
)


@index.command("rebuild")
def make_anew(as_json: Json = False) -> None:
    """Make the index anew from log and store; until that is done, the old one answers.

    Gateways may go on meanwhile, and read on from where the new one stands.
    """
    began = time.monotonic()
    told = asyncio.run(_rebuild(configured())) | {"seconds": round(time.monotonic() - began, 3)}
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['index']}: {told['jobs']} requests and {told['files']} files in {told['seconds']:.1f} s")


async def _rebuild(settings: Settings) -> dict[str, Any]:
    from streams.index import open_index  # SQLAlchemy is for those who use it
    from streams.readers.rebuild import rebuild

    files = open_files(settings)
    there = open_index(settings)
    try:
        with progress_bar() as progress:
            await rebuild(settings, files, there, progress)
        totals = there.totals(None)
        jobs = sum(totals.jobs.values())
        return {"index": there.database.place, "jobs": jobs, "files": totals.total_files}
    finally:
        there.close()
        files.store.close()


@index.command("check")
def compare(
    grace: Annotated[
        float, typer.Option(min=0, help="seconds after which the log must have told of what the store has")
    ] = GRACE_SECONDS,
    as_json: Json = False,
) -> None:
    """Compare the index, as it is now, with what log and store say up to where it stands; exits 1 if they differ."""
    drift = asyncio.run(_check(configured(), grace))
    if as_json:
        print_json({"compared": drift.compared, "drift": dict(drift.counts), "examples": drift.examples})
    else:
        _show(drift)
    raise typer.Exit(1 if drift.counts else 0)


async def _check(settings: Settings, grace: float) -> "Drift":
    from streams.index import open_index
    from streams.readers.rebuild import check

    files = open_files(settings)
    there = open_index(settings)
    try:
        with progress_bar() as progress:
            return await check(settings, files, there, progress, grace)
    finally:
        there.close()
        files.store.close()


def _show(drift: "Drift") -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{drift.compared} rows compared")
    for kind, count in drift.counts.items():
        console.print(f"[bold red]{kind}[/]  {count}")
        for example in drift.examples[kind]:
            console.print("    " + ", ".join(f"{name} {value}" for name, value in example.items()), markup=False)
    if drift.counts:
        console.print("run `loa index rebuild` to make it anew")
    else:
        console.print("[bold green]the index says what log and store say[/]")
