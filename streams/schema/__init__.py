"""The contract as documents, made from the models: AsyncAPI of all topics, and a JSON Schema of each event."""

from streams.schema.asyncapi import asyncapi
from streams.schema.payloads import UnknownEventError, event_schema, names

__all__ = ["UnknownEventError", "asyncapi", "event_schema", "names"]
