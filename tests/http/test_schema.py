"""Every call of docs/openapi.json, called as the document allows and as it does not: the gateway keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import orjson
import pytest
import schemathesis

from storage.index.results import cursor_after
from storage.records import file_id
from streams.gateway.synthesize import PREFER
from tests.http.conftest import start_gateway
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE

EXAMPLES = 15
DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"
ENDLESS = "/api/tts/events"
"""A stream of all that happens: a call of it has no end that could be waited for."""

DEAD = "schema-dead"
"""A request that cannot be answered."""


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for calls in document["paths"].values():
        yield from calls.values()


def named(operation: dict[str, Any]) -> str:
    """The request whose file is that operation's alone: one of them deletes it."""
    return f"schema-{operation['operationId']}"


def narrowed() -> dict[str, Any]:
    """The document, with what it cannot know: names and files that are here, limits of the settings, the time."""
    made: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())
    request = made["components"]["schemas"]["SynthesisRequested"]["properties"]
    request["model"]["enum"] = ["tone"]
    request["voice"]["anyOf"][0]["enum"] = ["tone/sine"]
    del request["speaker_id"]  # the table of speakers has none of tone
    request["expiry_hours"]["anyOf"][0]["maximum"] = 87_600
    request["deadline"]["anyOf"][0]["enum"] = ["2999-01-01T00:00:00Z"]  # one that has passed is answered with 504
    speech = made["components"]["schemas"]["Speech"]["properties"]
    speech["model"]["enum"] = ["tone"]
    speech["voice"]["anyOf"][0]["enum"] = ["alloy", "tone/sine", None]
    speech["voice"]["anyOf"][1]["properties"]["id"]["enum"] = ["tone/sine"]
    redrive = made["paths"]["/api/tts/dlq/redrive"]["post"]["requestBody"]["content"]["application/json"]
    redrive["example"] = {"requests": [DEAD]}
    patch = made["paths"]["/api/tts/audio/{file_id}/metadata"]["patch"]["requestBody"]["content"]
    changes = patch["application/merge-patch+json"]["schema"]
    # Times that are allowed are those after the file's own; tests/gateway/test_retention.py has them.
    changes["properties"] = {"pinned": {"type": "boolean"}}
    changes["required"] = ["pinned"]
    pool = next(p for p in made["paths"]["/api/tts/queue"]["get"]["parameters"] if p["name"] == "pool")
    pool["schema"] = {"enum": [""]}
    # Who does not wait is answered before a worker has judged the names.
    made["paths"]["/api/tts/synthesize"]["post"]["parameters"].remove(PREFER)
    for operation in operations(made):
        ids = {"file_id": file_id("default", named(operation)), "request_id": named(operation)}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["schema"]["enum"] = [ids[parameter["name"]]]
            elif parameter["name"] == "cursor":
                parameter["schema"] = {"enum": [cursor_after(0, "0" * 32)]}
    return made


CONFIG = schemathesis.Config.from_dict({"seed": 1})
SCHEMA = schemathesis.openapi.from_dict(narrowed(), config=CONFIG).exclude(path=ENDLESS)


@pytest.fixture(scope="module")
def address(served: tuple[Installation, str]) -> str:
    """A gateway that makes links, and has a file for each operation that wants one."""
    found = start_gateway(served[0], TTS_LINK_SECRET="0123456789abcdef")[1]
    for operation in operations(narrowed()):
        if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
            body, headers = {"text": "A file.", "model": "tone"}, {"X-Request-ID": named(operation)}
            answer = httpx.post(f"{found}/api/tts/synthesize", json=body, headers=headers, timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
    dead = {"text": "Nobody speaks this.", "model": "none"}
    answer = httpx.post(f"{found}/api/tts/synthesize", json=dead, headers={"X-Request-ID": DEAD}, timeout=PATIENCE)
    assert answer.status_code == 400, answer.text
    return found


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, database=None)
def test_calls_are_as_the_document_says(case: schemathesis.Case, address: str) -> None:
    if isinstance(case.body, dict) and case.method != "PATCH":
        case.body.setdefault("model", "tone")  # which reads any text; the engine that `auto` picks may not
    case.call_and_validate(base_url=address)
