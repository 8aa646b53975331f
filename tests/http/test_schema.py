"""Every call of docs/openapi.json, called as the document allows and as it does not: the gateway keeps to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import orjson
import schemathesis

from tests.kafka.installation import Installation

EXAMPLES = 15
DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"


def narrowed() -> dict[str, Any]:
    """The document, with what it cannot know: what this installation serves, which limits it has, what time it is."""
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
    return made


SCHEMA = schemathesis.openapi.from_dict(narrowed(), config=schemathesis.Config.from_dict({"seed": 1}))


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, database=None)
def test_calls_are_as_the_document_says(case: schemathesis.Case, served: tuple[Installation, str]) -> None:
    case.call_and_validate(base_url=served[1])
