"""Writes from the code: the tables of the README (settings, topics, error codes), and docs/openapi.json.

.venv/bin/python docs/reference.py
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from streams import settings
from streams.errors import REASONS, ErrorCode
from streams.gateway.app import routes
from streams.topics import Topics

README = Path(__file__).parent.parent / "README.md"
OPENAPI = Path(__file__).parent / "openapi.json"
WRITTEN_BY = {
    "requests": "clients: a text to speak",
    "requests.bulk": "clients, worker: requests that may wait",
    "requests.retry": "worker: requests to be tried again later",
    "requests.dlq": "worker: records that could not be answered, byte for byte",
    "progress": "worker: `started`, then `chunk` k of n",
    "completed": "worker: the audio is durable",
    "failed": "worker: a code and a sentence",
    "commands": "operators: cancel a request",
    "cleanup": "timer, operators: what to clean up",
    "webhooks": "`loa webhooks`: deliveries that are due, and how they ended",
    "deleted": "worker: a file is gone",
    "retained": "worker: a file's expiry or pin was changed",
}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


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
    rows = [(f"`{t.name}`", WRITTEN_BY[t.short], f"{t.retention_days:g}") for t in Topics(settings.load({}))]
    return table(("topic", "who writes what", "days kept"), rows)


def errors_table() -> str:
    rows = [
        (f"`{code}`", REASONS[code].text, _yes(REASONS[code].retryable), _yes(REASONS[code].dead_letter))
        for code in ErrorCode
    ]
    return table(("code", "meaning", "retryable", "in the DLQ"), rows)


def _yes(flag: bool) -> str:
    return "yes" if flag else ""


def filled(text: str) -> str:
    """The README with every generated region written anew."""
    for name, content in (("settings", settings_table()), ("topics", topics_table()), ("errors", errors_table())):
        region = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, found = region.subn(lambda match, body=content: f"{match[1]}{body}\n{match[2]}", text)
        if found != 1:
            raise SystemExit(f"README.md has no region {name}")
    return text


def openapi() -> bytes:
    """The OpenAPI document."""
    return orjson.dumps(routes().openapi(), option=orjson.OPT_INDENT_2) + b"\n"


def main() -> None:
    README.write_text(filled(README.read_text()))
    OPENAPI.write_bytes(openapi())


if __name__ == "__main__":
    main()
