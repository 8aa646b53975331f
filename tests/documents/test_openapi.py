"""docs/openapi.json is an OpenAPI 3.1 document, by the judgement of openapi-spec-validator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"


@pytest.fixture
def document() -> dict[str, Any]:
    # Patterns are ECMA 262's, as JSON Schema has them; the validator tries them with Python's, which knows no \p.
    made: dict[str, Any] = json.loads(DOCUMENT.read_text().replace(r"\\p{L}\\p{N}", r"\\w"))
    return made


# Importing the validator takes seconds, which processes that do not run these tests need not spend.


def test_it_is_valid(document: dict[str, Any]) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator, validate

    validate(document, cls=OpenAPIV31SpecValidator)


def test_what_is_wrong_would_be_found(document: dict[str, Any]) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator, validate
    from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

    document["paths"]["/api/tts/synthesize"]["post"]["responses"]["200"].pop("description")
    with pytest.raises(OpenAPIValidationError):
        validate(document, cls=OpenAPIV31SpecValidator)
