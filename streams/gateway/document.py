"""The OpenAPI document of the calls: FastAPI's, with what the calls judge for themselves and how they fail."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streams.gateway import openai, synthesize

DESCRIPTION = "Text to speech over HTTP: what is asked becomes an event on the log, and each answer is on it too."

TEXT, TEXT_OR_NULL = {"type": "string"}, {"type": ["string", "null"]}
ERRORS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["success", "error"],
        "properties": {
            "success": {"const": False},
            "error": {
                "type": "object",
                "required": ["code", "message", "request_id"],
                "properties": {"code": TEXT, "message": TEXT, "request_id": TEXT},
            },
        },
    },
    "OpenAIError": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {"message": TEXT, "type": TEXT, "param": TEXT_OR_NULL, "code": TEXT},
            }
        },
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version="1", description=DESCRIPTION, routes=app.routes)
        made.setdefault("components", {}).setdefault("schemas", {}).update(
            synthesize.schemas() | {"Speech": openai.SCHEMA}
        )
        _leave_out_nulls(made)
        _say_how_calls_fail(made)
        made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{}, {"key": []}]
        app.openapi_schema = made
    return app.openapi_schema


def _leave_out_nulls(made: dict[str, Any]) -> None:
    """From parameters: one that is null is one that is not there."""
    for calls in made["paths"].values():
        for parameter in (each for call in calls.values() for each in call.get("parameters", ())):
            schema = parameter["schema"]
            some = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
            parameter["schema"] = schema | (some[0] if len(some) == 1 else {"anyOf": some} if some else {})


def _say_how_calls_fail(made: dict[str, Any]) -> None:
    """In the document: errors as they are here, and not FastAPI's own, which are never answered."""
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= ERRORS
    for path, calls in made["paths"].items():
        name = "OpenAIError" if path.startswith("/v1/") else "Error"
        for call in calls.values():
            call["responses"].pop("422", None)
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
            call["responses"].setdefault("default", {"description": "an error"})
            for status, answer in call["responses"].items():
                if status == "default" or status >= "400":
                    answer.setdefault("content", content)
