"""`loa webhooks`: tell HTTP endpoints of outcomes, and see what they were told."""

import asyncio
from typing import Annotated, Literal

import typer

from streams.cli.audit import Since
from streams.cli.common import Json, configured, print_json, print_rows
from streams.cli.machine import run_until_stopped
from streams.lifeline import end_with_parent
from streams.traces import recording

webhooks = typer.Typer(invoke_without_command=True)

State = Annotated[Literal["due", "delivered", "given_up", "gone"] | None, typer.Option(help="only those that stand so")]
END_SECONDS = 30.0
COLUMNS = ("time", "id", "request_id", "endpoint", "state", "attempt", "detail")


@webhooks.callback()
def run(context: typer.Context, end_with_stdin: Annotated[bool, typer.Option(hidden=True)] = False) -> None:
    """Tell HTTP endpoints of outcomes: runs until it is stopped, unless one of the commands below is given.

    Endpoints are those of TTS_WEBHOOK_ENDPOINTS_FILE and the callback_url of each request. Any number of processes may
    share the work.
    """
    if context.invoked_subcommand is None:
        from streams.readers.webhooks.service import Webhooks

        settings = configured()
        if end_with_stdin:
            end_with_parent(grace_seconds=END_SECONDS)
        with recording(settings, "loa-webhooks"):
            raise typer.Exit(run_until_stopped(lambda: Webhooks(settings, print_json)))


@webhooks.command("list")
def list_deliveries(
    state: State = None,
    since: Since = None,
    id: Annotated[list[str] | None, typer.Option("--id", help="only these: a webhook id or request id")] = None,  # noqa: A002
    as_json: Json = False,
) -> None:
    """List deliveries as they stand, the oldest first; read from their topic, so that no gateway is needed."""
    from streams.readers.webhooks.history import history, row

    found = asyncio.run(history(configured(), since, state, id or ()))
    print_rows(COLUMNS, map(row, found), as_json=as_json)


@webhooks.command()
def retry(ids: Annotated[list[str], typer.Argument(help="webhook ids or request ids")], as_json: Json = False) -> None:
    """Make deliveries again, delivered or not; the endpoint sees the same webhook id. Exits 1 if there is none."""
    from streams.readers.webhooks.history import history, retry, row

    settings = configured()
    found = [each for each in asyncio.run(history(settings, names=ids)) if each.body]
    asyncio.run(retry(settings, found))
    print_rows(COLUMNS, map(row, found), as_json=as_json)
    if not found:
        typer.echo(f"loa: no webhook has been due for {', '.join(ids)}", err=True)
        raise typer.Exit(1)
