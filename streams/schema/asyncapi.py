"""The AsyncAPI 3.0 document: topics, messages and what Loa does with them, from Loa's point of view."""

from typing import Any

from pydantic import BaseModel

from storage.records import iso
from streams.events import EVENTS, headers
from streams.routes import group_of, in_pool, part_of
from streams.schema.channels import CHANNELS, Channel
from streams.schema.examples import NOW, REFUSED, TRACE, dead_letter_headers, examples, retry_headers
from streams.schema.headers import OF_REQUESTS, SCHEMAS, event_headers
from streams.schema.payloads import IN_DOCUMENT, example_of, payload
from streams.setting_types import DEFAULT_POOL
from streams.settings import Settings
from streams.topics import Topic, Topics
from streams.version import CONTRACT

KAFKA_BINDING = "0.5.0"
WEBHOOKS_GROUP = "-webhooks"
DESCRIPTION = (
    "Text to speech on Kafka: each request on the log ends in exactly one durable outcome. Delivery is at least once: "
    "an event that is repeated has the same `ce_id`. Readers ignore fields that they do not know."
)
Document = dict[str, Any]


def asyncapi(settings: Settings) -> Document:
    """The document, with the names, partitions and retention of these settings. Raises SettingsError."""
    topics = Topics(settings)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:loa:tts",
        "info": {
            "title": "Loa",
            "version": CONTRACT,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {_id(topic.short): _channel(topic, settings) for topic in topics},
        "operations": _operations(topics, settings),
        "components": {"messages": _messages(topics), "schemas": _schemas()},
    }


def _server() -> Document:
    address = {"default": "127.0.0.1:9092", "description": "host:port of a broker; TTS_KAFKA_BROKERS of Loa"}
    return {
        "host": "{broker}",
        "protocol": "kafka",
        "description": "The Kafka that Loa works on; with TLS or SASL as TTS_KAFKA_SECURITY_PROTOCOL says.",
        "variables": {"broker": address},
    }


def _id(short: str) -> str:
    """A topic's short name as an id: `requests.dlq` is requestsDlq."""
    first, *rest = short.split(".")
    return first + "".join(part.title() for part in rest)


def _channel(topic: Topic, settings: Settings) -> Document:
    channel, config = CHANNELS[part_of(topic.short)], topic.config()
    kafka: Document = {"topic": topic.name, "partitions": topic.partitions}
    if settings.topic_replication > 0:
        kafka["replicas"] = settings.topic_replication
    kafka["topicConfiguration"] = {
        "cleanup.policy": [config["cleanup.policy"]],
        "retention.ms": int(config["retention.ms"]),
        "max.message.bytes": int(config["max.message.bytes"]),
    }
    stamped = f"The broker stamps the time (message.timestamp.type={config['message.timestamp.type']})."
    return {
        "address": topic.name,
        "title": channel.written,
        "description": f"Written by {channel.writers}. Read by {channel.readers}. {stamped}",
        "messages": {channel.message: {"$ref": f"#/components/messages/{channel.message}"}},
        "bindings": {"kafka": kafka | {"bindingVersion": KAFKA_BINDING}},
    }


def _operations(topics: Topics, settings: Settings) -> Document:
    made = {}
    for topic in topics:
        channel = CHANNELS[part_of(topic.short)]
        for action, summary in (("receive", channel.receives), ("send", channel.sends)):
            if summary:
                made[f"{action}{_id(topic.short)[0].upper()}{_id(topic.short)[1:]}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{_id(topic.short)}"},
                    "summary": summary,
                    "messages": [{"$ref": f"#/channels/{_id(topic.short)}/messages/{channel.message}"}],
                } | _group(topic.short, action, settings)
    return made


def _group(short: str, action: str, settings: Settings) -> Document:
    """The consumer group that receives; of commands none, since every worker reads them all."""
    if action == "send" or short == "commands":
        return {}
    pool = next((each for each in settings.pools if short == in_pool(part_of(short), each)), DEFAULT_POOL)
    name = group_of(settings, pool) + (WEBHOOKS_GROUP if short == "webhooks" else "")
    return {"bindings": {"kafka": {"groupId": {"type": "string", "enum": [name]}, "bindingVersion": KAFKA_BINDING}}}


def _messages(topics: Topics) -> Document:
    made: Document = {}
    for topic in topics:
        channel = CHANNELS[part_of(topic.short)]
        made.setdefault(channel.message, _message(topic, channel))
    return made


def _message(topic: Topic, channel: Channel) -> Document:
    named = OF_REQUESTS.get(channel.message)
    message = {
        "name": channel.message,
        "title": channel.message,
        "summary": channel.written,
        "contentType": "application/json" if channel.model else "application/octet-stream",
        "headers": {"$ref": f"#/components/schemas/{named}"} if named else event_headers(topic.name),
        "payload": {"$ref": f"#/components/schemas/{channel.model.__name__}"} if channel.model else {},
        "bindings": {"kafka": {"key": {"type": "string", "description": channel.key}, "bindingVersion": KAFKA_BINDING}},
        "examples": [_example(topic, channel)],
    }
    if channel.model and "request_id" in channel.model.model_fields:
        message["correlationId"] = {
            "description": "names the request, in every event about it",
            "location": "$message.payload#/request_id",
        }
    return message


def _example(topic: Topic, channel: Channel) -> Document:
    """Headers and value of one record."""
    if channel.message == "DeadLetter":
        said, value = dead_letter_headers(), REFUSED
    elif channel.message == "RetriedRequest":
        said, value = retry_headers(), example_of(topic.short)
    elif channel.message == "SynthesisRequested":
        said, value = {}, example_of(topic.short)
    else:
        written = headers(examples()[topic.short], topic.name, NOW, TRACE)
        said, value = {name: text.decode() for name, text in written}, example_of(topic.short)
    return {"name": channel.message, "summary": f"as of {iso(NOW)}", "headers": said, "payload": value}


def _schemas() -> Document:
    """Payloads and headers; what payloads refer to stands beside them."""
    made: Document = {}
    models = {channel.model for channel in CHANNELS.values() if channel.model}
    for model in sorted(models, key=_order):
        schema = payload(model, IN_DOCUMENT)
        made |= {model.__name__: schema} | schema.pop("$defs", {})
    return made | SCHEMAS


def _order(model: type[BaseModel]) -> int:
    return EVENTS.index(model) if model in EVENTS else -1
