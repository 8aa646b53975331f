"""`loa keys`: API keys of the gateway."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.common import Json, configured, print_json, print_rows
from streams.gateway.keys import Scope, create, read, revoke
from streams.requests import DEFAULT_TENANT
from streams.settings import SettingsError

keys = typer.Typer(help="Make, list and revoke API keys; a running gateway notices.", no_args_is_help=True)
COLUMNS = ("id", "tenant", "scopes", "created_at", "note")


@keys.command("create")
def make(
    tenant: Annotated[str, typer.Option(help="whose key it is: its caller sees only this tenant's")] = DEFAULT_TENANT,
    scope: Annotated[list[Scope] | None, typer.Option(help="speak, read or admin; again for several")] = None,
    note: Annotated[str, typer.Option(help="what it is for")] = "",
) -> None:
    """Make a key and print it: it is not shown again. `admin` may do everything, for all tenants."""
    plain, key = create(_file(), tenant, scope or [Scope.SPEAK, Scope.READ], note)
    print_json({"key": plain, "id": key.id, "tenant": key.tenant, "scopes": list(key.scopes)})


@keys.command("list")
def show(as_json: Json = False) -> None:
    """List keys by their ids; the keys themselves are kept nowhere."""
    rows = [key.model_dump(mode="json", exclude={"sha256"}) for key in read(_file())]
    if not as_json:
        rows = [row | {"scopes": ", ".join(row["scopes"])} for row in rows]
    print_rows(COLUMNS, rows, as_json=as_json)


@keys.command("revoke")
def remove(id: Annotated[str, typer.Argument(help="its id, as `loa keys list` shows it")]) -> None:  # noqa: A002
    """Make a key worthless; exits 1 if there is none of that id."""
    if not revoke(_file(), id):
        typer.echo(f"loa: no key has the id {id}", err=True)
        raise typer.Exit(1)
    typer.echo(f"key {id} is revoked")


def _file() -> Path:
    path = configured().api_keys_file
    if path is None:
        raise SettingsError("TTS_API_KEYS_FILE: is not set; name the file that is to hold the keys' hashes")
    return path
