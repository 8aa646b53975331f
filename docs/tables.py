"""Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

TYPES = {"date-time": "time", "iri": "URL"}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def yes(flag: bool) -> str:
    """A mark in a column of marks."""
    return "yes" if flag else ""


def properties_table(schema: Mapping[str, Any]) -> str:
    """The fields of a JSON Schema."""
    always = schema.get("required", ())
    rows = [
        (f"`{name}`", _kind(field), yes(name in always), _said(field)) for name, field in schema["properties"].items()
    ]
    return table(("name", "type", "always", "what it is"), rows)


def _said(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    text: str = field.get("description", "")
    return text if default is None else f"{text}; default: `{orjson.dumps(default).decode()}`"


def _kind(field: Mapping[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in field:
        return _named(field["$ref"])
    if "anyOf" in field:
        return " or ".join(_kind(each) for each in field["anyOf"] if each != {"type": "null"})
    if "const" in field:
        return f"`{_literal(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{_literal(each)}`" for each in field["enum"])
    types = [each for each in [field.get("type", "any")] if isinstance(each, str)] or field["type"]
    plain = " or ".join(each for each in types if each != "null")
    items = field.get("items", {})
    return TYPES.get(field.get("format", ""), plain) + (f" of {_kind(items)}" if items else "") + _bounds(field)


def _literal(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _named(reference: str) -> str:
    """In a page of objects, a link to the one that is meant."""
    name = reference.rpartition("/")[2]
    if name == "ErrorCode":
        return "[code](../README.md#when-a-request-fails)"
    return f"[{name}](#{name.lower()})" if reference.startswith("#/components/") else "object"


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _bounds(field: Mapping[str, Any]) -> str:
    words = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"), ("exclusiveMaximum", "below"))
    return "".join(f" {word} {_number(field[name])}" for name, word in words if name in field)
