"""`loa schema`: the contract as documents, for this installation's settings."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from streams.cli.common import configured
from streams.schema import UnknownEventError, asyncapi, event_schema, names
from streams.settings import Settings
from streams.topics import Topics


class What(StrEnum):
    """The documents there are."""

    ASYNCAPI = "asyncapi"
    OPENAPI = "openapi"
    EVENT = "event"


def schema(
    what: Annotated[What, typer.Argument(help="topics and events; HTTP calls; the JSON Schema of one event")] = (
        What.ASYNCAPI
    ),
    name: Annotated[str | None, typer.Argument(help="for `event`: a topic, such as tts.completed, or an event")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="write it into this file")] = None,
) -> None:
    """Print the contract: AsyncAPI 3.0, OpenAPI 3.1, or JSON Schema. Topics are those of the settings."""
    if what is not What.EVENT and name is not None:
        raise typer.BadParameter(f"only `event` takes a name; got {name!r}", param_hint="NAME")
    make: dict[What, Callable[[Settings], dict[str, Any]]] = {
        What.ASYNCAPI: asyncapi,
        What.OPENAPI: _openapi,
        What.EVENT: lambda settings: _event(name, Topics(settings)),
    }
    document = orjson.dumps(make[what](configured()), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if output is None:
        typer.echo(document, nl=False)
        return
    try:
        output.write_bytes(document)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error


def _openapi(_: Settings) -> dict[str, Any]:
    from streams.gateway.app import routes  # FastAPI and all calls, which the other documents need not

    return routes().openapi()


def _event(name: str | None, topics: Topics) -> dict[str, Any]:
    try:
        if name is None:
            raise UnknownEventError(f"which event? There are {', '.join(names(topics))}")
        return event_schema(name, topics)
    except UnknownEventError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from error
