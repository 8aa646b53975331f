"""JSON Schemas of the values, from the models that read and write them."""

from typing import Any, Literal

from pydantic import BaseModel

from streams.events import Event
from streams.routes import part_of
from streams.schema.channels import CHANNELS
from streams.schema.examples import REQUEST, examples
from streams.topics import Topics

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IN_DOCUMENT = "#/components/schemas/{model}"
Schema = dict[str, Any]


class UnknownEventError(Exception):
    """There is no event of that name; the message lists those there are."""


def payload(model: type[BaseModel], ref_template: str = "#/$defs/{model}") -> Schema:
    """The schema of a value, with the schemas it refers to under `$defs`.

    Of an event as it is written: what is not known is left out, never null. Of a request as it is read.
    """
    written = issubclass(model, Event)
    mode: Literal["serialization", "validation"] = "serialization" if written else "validation"
    schema = model.model_json_schema(mode=mode, ref_template=ref_template)
    for field in schema["properties"].values():
        field.pop("title", None)  # a field's name again, with a capital
        if written:
            _leave_out_null(field)
    return schema


def _leave_out_null(field: Schema) -> None:
    some = [each for each in field.get("anyOf", ()) if each != {"type": "null"}]
    if len(some) == 1:
        del field["anyOf"]
        field.update(some[0] | field)
        if field.get("default", 0) is None:
            del field["default"]


def example_of(short: str) -> Any:
    """An example of the value on a topic, as JSON has it."""
    event = examples().get(short)
    return event.model_dump(mode="json", exclude_none=True) if event else REQUEST


def names(topics: Topics) -> dict[str, str]:
    """Every name by which `event_schema` knows an event, and the short name of its topic."""
    found = {}
    for topic in topics:
        channel = CHANNELS[part_of(topic.short)]
        if channel.model is not None:
            found[topic.name] = topic.short
            found.setdefault(channel.model.__name__, topic.short)
    return found


def event_schema(name: str, topics: Topics) -> Schema:
    """The JSON Schema (2020-12) of the value on a topic, by its or the event's name. Raises UnknownEventError."""
    known = names(topics)
    short = known.get(name)
    model = CHANNELS[part_of(short)].model if short else None
    if short is None or model is None:
        raise UnknownEventError(f"there is no event {name!r}; there are {', '.join(known)}")
    return {"$schema": DIALECT} | payload(model) | {"examples": [example_of(short)]}
