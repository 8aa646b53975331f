"""`loa watch` and `loa topics`: the log and its topics."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console

from streams.cli.common import Json, configured, print_json, print_rows
from streams.kafka import admin_client
from streams.readers.tail import event_of, records, tail
from streams.settings import Settings
from streams.topics import Topics

WATCHED = ("progress", "completed", "failed", "deleted")
COLOURS = {"progress": "dim", "completed": "green", "failed": "red", "deleted": "yellow"}

topics = typer.Typer(help="Create topics, or compare them with the settings.", no_args_is_help=True)


def watch(
    topic: Annotated[list[str] | None, typer.Option(help=f"only these of {', '.join(WATCHED)}")] = None,
    beginning: Annotated[
        bool, typer.Option("--from-beginning", help="all that the log still has, then what comes")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print events as they happen, until Ctrl-C."""
    wrong = sorted(set(topic or ()) - set(WATCHED))
    if wrong:
        raise typer.BadParameter(f"{', '.join(wrong)}: choose from {', '.join(WATCHED)}")
    asyncio.run(_watch(configured(), topic or WATCHED, beginning=beginning, as_json=as_json))


async def _watch(settings: Settings, shorts: Any, *, beginning: bool, as_json: bool) -> None:
    names = {Topics(settings)[short].name: short for short in shorts}
    console = Console(highlight=False)
    async with tail(settings, list(names), beginning=beginning) as consumer:
        async for record in records(consumer):
            event, short = event_of(record), names[record.topic]
            if event is None:
                continue
            if as_json:
                print_json({"topic": record.topic} | event)
            else:
                console.print(f"[{COLOURS[short]}]{short:9}[/] {_line(short, event)}", soft_wrap=True)


def _line(short: str, event: dict[str, Any]) -> str:
    """An event for a person."""
    name = event.get("request_id") or event["file_id"]
    if short == "progress":
        return f"{name}  {event['state']} {event.get('chunk', '')}/{event['chunks']}"
    if short == "completed":
        return f"{name}  {event['duration_seconds']:.2f} s  {event['model']}/{event['voice']}  {event['file_path']}"
    if short == "failed":
        return f"{name}  {event['code']}: {event['message']}"
    return f"{name}  {event['reason']}, {event['file_size']} bytes"


@topics.command()
def create(as_json: Json = False) -> None:
    """Make the topics that are missing, and raise the number of partitions of those that exist.

    Both while everything runs; what exists is left as it is otherwise, and more partitions than the setting are right.
    """
    asyncio.run(_create(configured(), as_json=as_json))


async def _create(settings: Settings, *, as_json: bool) -> None:
    wanted = Topics(settings)
    async with admin_client(settings) as admin:
        made = set(await wanted.create(admin))
        there = await wanted.counts(admin)
    rows = [
        {"topic": t.name, "partitions": there[t.short], "retention_days": t.retention_days, "made": t.name in made}
        for t in wanted
    ]
    print_rows(("topic", "partitions", "retention_days", "made"), rows, as_json=as_json)


@topics.command()
def check(as_json: Json = False) -> None:
    """Compare the topics with the settings; exits 1 if they differ."""
    complaints = asyncio.run(_check(configured()))
    for complaint in complaints:
        print_json({"complaint": complaint}) if as_json else typer.echo(complaint)
    if not complaints:
        typer.echo("all topics are as the settings say", err=True)
    raise typer.Exit(1 if complaints else 0)


async def _check(settings: Settings) -> list[str]:
    async with admin_client(settings) as admin:
        return await Topics(settings).compare(admin)
