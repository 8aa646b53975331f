"""Writes from the code: the tables of the README, docs/events.md and docs/metrics.md, and both documents for programs.

.venv/bin/python docs/reference.py
"""

import re
from collections.abc import Callable
from pathlib import Path

import orjson
import yaml

from docs.listings import calls, commands
from docs.tables import properties_table, table, yes
from streams import settings
from streams.errors import REASONS, ErrorCode
from streams.gateway.app import routes
from streams.metrics.declared import DECLARED, Part
from streams.schema import asyncapi, event_schema
from streams.schema.channels import CHANNELS
from streams.schema.headers import SCHEMAS
from streams.topics import Topics

ROOT = Path(__file__).parent.parent
OPENAPI = ROOT / "docs/openapi.json"
ASYNCAPI = ROOT / "docs/asyncapi.json"
SCHEMAS_OF_EVENTS = ROOT / "docs/schemas"
SETTINGS = (
    "Environment variables; a wrong value is refused by name, an unknown `TTS_*` name is told with the nearest "
    "right one, and `loa config` shows what is in force."
)
ERRORS = "Of `tts.failed`, the DLQ, jobs, and HTTP answers, which have [further ones](http.md#errors)."


def settings_table() -> str:
    rows = [
        (f"`{row['name']}`", _shown(row["name"], row["value"]), row["description"])
        for row in settings.table(settings.load({}))
    ]
    return table(("variable", "default", "what it is"), rows)


def _shown(name: str, value: object) -> str:
    if name == "TTS_ENGINE_PROCESSES":
        return "the cores"
    return "" if value in {None, ""} else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def topics_table() -> str:
    rows = [(f"`{t.name}`", CHANNELS[t.short].written, f"{t.retention_days:g}") for t in Topics(settings.load({}))]
    return table(("topic", "who writes what", "days kept"), rows)


def errors_table() -> str:
    rows = [
        (f"`{code}`", REASONS[code].text, yes(REASONS[code].retryable), yes(REASONS[code].dead_letter))
        for code in ErrorCode
    ]
    return table(("code", "meaning", "retryable", "in the DLQ"), rows)


def metrics_table(part: Part) -> str:
    """The metrics of a part of Loa."""
    rows = [
        (f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help)
        for metric in DECLARED
        if part in metric.parts
    ]
    return table(("name", "kind", "labels", "what it is"), rows)


def alerts_table() -> str:
    """The alerts, and what to do."""
    (group,) = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"]
    rows = [
        (f"`{rule['alert']}`", rule["labels"]["severity"], rule.get("for", ""), rule["annotations"]["description"])
        for rule in group["rules"]
    ]
    return table(("alert", "severity", "after", "what to do"), rows)


def channels_table() -> str:
    rows = []
    for topic in Topics(settings.load({})):
        channel = CHANNELS[topic.short]
        value = f"`{channel.model.__name__}`" if channel.model else "as received, byte for byte"
        rows.append((f"`{topic.name}`", value, channel.key, channel.writers, channel.readers))
    return table(("topic", "value", "key", "written by", "read by"), rows)


def fields_table(name: str) -> str:
    """The fields of the value on a topic."""
    return properties_table(event_schema(name, Topics(settings.load({}))))


def headers_table(name: str) -> str:
    return properties_table(SCHEMAS[name])


def _regions() -> dict[str, dict[str, Callable[[], str]]]:
    """What writes each generated region, by document and by the region's name."""
    valued = [topic for topic in Topics(settings.load({})) if CHANNELS[topic.short].model]
    fields = {t.name: (lambda name=t.name: fields_table(name)) for t in valued if _first(t.short)}
    return {
        "README.md": {"settings": settings_table, "topics": topics_table, "errors": errors_table},
        "docs/metrics.md": {"alerts": alerts_table}
        | {part.value: (lambda part=part: metrics_table(part)) for part in Part},
        "docs/events.md": {"channels": channels_table}
        | {name: (lambda name=name: headers_table(name)) for name in SCHEMAS}
        | fields,
    }


def _first(short: str) -> bool:
    """Whether a topic is the first of those that have the same value."""
    return next(name for name, channel in CHANNELS.items() if channel.model is CHANNELS[short].model) == short


def filled(text: str, document: str) -> str:
    """A document with every generated region written anew."""
    for name, make in _regions()[document].items():
        content = make()
        region = re.compile(f"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        text, found = region.subn(lambda match, body=content: f"{match[1]}{body}\n{match[2]}", text)
        if found != 1:
            raise SystemExit(f"{document} has no region {name}")
    return text


def pages() -> dict[str, str]:
    """The documents that are made from the code, wholly or in regions, written anew."""
    partly = {document: filled((ROOT / document).read_text(), document) for document in _regions()}
    return partly | {
        "docs/settings.md": f"# Settings\n\n{SETTINGS}\n\n{settings_table()}\n",
        "docs/errors.md": f"# Error codes\n\n{ERRORS}\n\n{errors_table()}\n",
        "docs/cli.md": commands(),
        "docs/calls.md": calls(),
    }


def openapi() -> bytes:
    """The OpenAPI document."""
    return orjson.dumps(routes().openapi(), option=orjson.OPT_INDENT_2) + b"\n"


def events() -> bytes:
    """The AsyncAPI document."""
    return orjson.dumps(asyncapi(settings.load({})), option=orjson.OPT_INDENT_2) + b"\n"


def schemas() -> dict[str, bytes]:
    """The JSON Schema of each event, by the name of its file."""
    topics = Topics(settings.load({}))
    valued = [topic for topic in topics if CHANNELS[topic.short].model and _first(topic.short)]
    made = {f"{topic.name}.json": event_schema(topic.name, topics) for topic in valued}
    return {name: orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n" for name, schema in made.items()}


def main() -> None:
    for document, text in pages().items():
        (ROOT / document).write_text(text)
    OPENAPI.write_bytes(openapi())
    ASYNCAPI.write_bytes(events())
    for name, schema in schemas().items():
        (SCHEMAS_OF_EVENTS / name).write_bytes(schema)


if __name__ == "__main__":
    main()
