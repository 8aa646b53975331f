"""Pages that are made from the code: all commands, all HTTP calls."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import typer

from docs.tables import properties_table, table
from streams.cli import app
from streams.gateway.app import routes


def commands() -> str:
    """Every command with its options."""
    loa = typer.main.get_command(app)
    told = "\n\n".join(_command(path, command) for path, command in walk("loa", loa))
    return f"# Commands\n\nEach tells the same with `--help`.\n\n{told}\n"


def walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it that are not hidden, each with what is typed to call it."""
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from walk(f"{path} {name}", each)


def _command(path: str, command: Any) -> str:
    rows = [_parameter(each) for each in command.params if not each.hidden]
    listed = table(("", "", "default"), rows) if rows else ""
    return f"## {path}\n\n{_paragraphs(command.help)}\n\n{listed}".rstrip()


def _parameter(each: Any) -> tuple[str, str, str]:
    names = (each.name.upper(),) if each.param_type_name == "argument" else (*each.opts, *each.secondary_opts)
    plain = isinstance(each.default, str | int | float | PurePath) and not isinstance(each.default, bool)
    return ", ".join(f"`{name}`" for name in names), _plain(each.help), f"`{each.default}`" if plain else ""


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(_plain(part) for part in (text or "").replace("\b", "").split("\n\n"))


def _plain(text: str | None) -> str:
    return " ".join((text or "").replace("|", r"\|").split())


def calls() -> str:
    """Every call of the OpenAPI document."""
    document = routes().openapi()
    told = [
        _call(method, path, call) for path, methods in document["paths"].items() for method, call in methods.items()
    ]
    head = "The same for programs: [openapi.json](openapi.json), OpenAPI 3.1. In prose: [HTTP](http.md)."
    objects = [
        f"### {name}\n\n{properties_table(schema)}" for name, schema in document["components"]["schemas"].items()
    ]
    return "\n\n".join(["# HTTP, call by call", head, *told, "## Objects", *objects]) + "\n"


def _call(method: str, path: str, call: dict[str, Any]) -> str:
    parts = [f"## {method.upper()} {path}", _plain(call.get("description", call["summary"]))]
    rows = [(f"`{each['name']}`", each["in"], _plain(each.get("description"))) for each in call.get("parameters", ())]
    if rows:
        parts.append(table(("parameter", "in", ""), rows))
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body: `{kind}`{_model(content)}")
    answers = [(code, _plain(said["description"]), _bodies(said)) for code, said in call["responses"].items()]
    return "\n\n".join([*parts, table(("status", "", "body"), answers)])


def _bodies(said: dict[str, Any]) -> str:
    return "; ".join(f"`{kind}`{_model(content)}" for kind, content in said.get("content", {}).items())


def _model(content: dict[str, Any]) -> str:
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f", [{name}](#{name.lower()})" if name else ""
