"""`loa dlq`: the records that could not be answered, and the way back."""

import asyncio
import sys
from datetime import datetime
from typing import Annotated

import typer

from streams.cli.audit import Since
from streams.cli.common import Json, configured, print_json, print_rows
from streams.errors import ErrorCode
from streams.readers.dead_letters import DeadLetter, dead_letters, latest, redrive
from streams.settings import Settings
from streams.topics import Topics

dlq = typer.Typer(help="List, show and put back the records that could not be answered.", no_args_is_help=True)

Code = Annotated[ErrorCode | None, typer.Option(help="only those that failed for this reason")]
Ids = Annotated[
    list[str] | None, typer.Option("--id", help="only these: a request id, file id, or <topic>-<partition>-<offset>")
]
COLUMNS = ("place", "time", "tenant", "request_id", "code", "attempt", "spoken", "message")


@dlq.command("list")
def list_letters(code: Code = None, since: Since = None, id: Ids = None, as_json: Json = False) -> None:  # noqa: A002
    """List them, the oldest first; a record that was written twice is there once."""
    letters = _find(configured(), code, since, id)
    print_rows(COLUMNS, (letter.row() for letter in letters), as_json=as_json)


@dlq.command()
def show(
    id: Annotated[str, typer.Argument(help="a request id, file id, or <topic>-<partition>-<offset>")],  # noqa: A002
    as_json: Json = False,
) -> None:
    """Show everything of one: headers, key and value; exits 1 if there is none."""
    letters = _find(configured(), None, None, [id])
    for letter in letters:
        if as_json:
            print_json(letter.data())
        else:
            for name, value in letter.data().items():
                typer.echo(f"{name:12} {value}")
            typer.echo()
    if not letters:
        typer.echo(f"loa: no dead letter is {id}", err=True)
        raise typer.Exit(1)


@dlq.command("redrive")
def put_back(
    code: Code = None,
    since: Since = None,
    id: Ids = None,  # noqa: A002
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be put back")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Put them back on the requests' topic, as they were, under the same id, with a new attempt.

    What was spoken since is left alone, and of what failed again the last failure counts. Nothing leaves the
    dead-letter topic.
    """
    settings = configured()
    letters = latest(_find(settings, code, since, id))
    if not letters:
        typer.echo("loa: there is nothing to put back", err=True)
        return
    topic = Topics(settings)["requests"].name
    if not (dry_run or yes) and sys.stdin.isatty():
        typer.confirm(f"Put {len(letters)} requests back on {topic}?", abort=True, err=True)
    if not dry_run:
        asyncio.run(redrive(settings, letters))
    for letter in letters:
        row = {"request_id": letter.request_id, "tenant": letter.tenant, "code": letter.code, "topic": topic}
        done = row | {"source": letter.source, "attempt": letter.attempt + 1, "put_back": not dry_run}
        print_json(done) if as_json else typer.echo(_line(letter, topic, dry_run))


def _line(letter: DeadLetter, topic: str, dry_run: bool) -> str:
    verb = "would be put" if dry_run else "put"
    return f"{letter.request_id} ({letter.code}) {verb} back on {topic}, attempt {letter.attempt + 1}"


def _find(
    settings: Settings, code: ErrorCode | None, since: datetime | None, names: list[str] | None
) -> list[DeadLetter]:
    return asyncio.run(dead_letters(settings, since, code.value if code else None, names or ()))
