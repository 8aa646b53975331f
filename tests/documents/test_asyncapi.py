"""docs/asyncapi.json says what the code does: topics, headers, values; and its examples are what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator

from streams import settings
from streams.events import EVENTS
from streams.requests import SynthesisRequested
from streams.schema import asyncapi, event_schema, names
from streams.schema.channels import CHANNELS
from streams.schema.examples import REFUSED, examples
from streams.topics import RETENTION_DAYS, Topics

ROOT = Path(__file__).parents[2]
SETTINGS = settings.load({})
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/asyncapi.json").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def judge_of(schema: Any) -> Draft7Validator:
    """A schema of the document, which may refer to others of it."""
    whole = schema if isinstance(schema, dict) else {}
    return Draft7Validator(whole | {"components": DOCUMENT["components"]}, validate_formats=True)


def test_there_is_a_channel_for_each_topic() -> None:
    assert set(CHANNELS) == set(RETENTION_DAYS)
    found = {channel["address"]: channel["bindings"]["kafka"] for channel in DOCUMENT["channels"].values()}
    for topic in Topics(SETTINGS):
        kafka = found.pop(topic.name)
        assert kafka["partitions"] == topic.partitions
        assert str(kafka["topicConfiguration"]["retention.ms"]) == topic.config()["retention.ms"]
    assert found == {}


def test_every_event_is_on_its_topic() -> None:
    models = {short: channel.model for short, channel in CHANNELS.items() if channel.model is not SynthesisRequested}
    assert {short: model for short, model in models.items() if model} == {event.topic: event for event in EVENTS}
    assert {channel.message for channel in CHANNELS.values()} == set(MESSAGES)


def test_every_event_has_an_example() -> None:
    assert [type(event) for event in examples().values()] == list(EVENTS)


@pytest.mark.parametrize("name", MESSAGES)
def test_examples_are_as_their_schemas_say(name: str) -> None:
    message = MESSAGES[name]
    for example in message["examples"]:
        judge_of(message["headers"]).validate(example["headers"])
        judge_of(message["payload"]).validate(example["payload"])


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("SynthesisCompleted", "sha256", "no hash"),
        ("SynthesisCompleted", "created_at", "yesterday"),
        ("SynthesisFailed", "code", "bad_luck"),
        ("SynthesisRequested", "speed", 9),
        ("SynthesisRequested", "text", "…"),
        ("AudioDeleted", "file_id", "x"),
    ],
)
def test_what_is_wrong_is_not_as_the_schema_says(name: str, field: str, value: object) -> None:
    message = MESSAGES[name]
    judge = judge_of(message["payload"])
    payload = message["examples"][0]["payload"]
    assert judge.is_valid(payload)
    assert not judge.is_valid(payload | {field: value})


@pytest.mark.parametrize("name", [event.__name__ for event in EVENTS])
def test_headers_of_events_are_those_of_cloudevents(name: str) -> None:
    message = MESSAGES[name]
    judge, example = judge_of(message["headers"]), message["examples"][0]["headers"]
    assert not judge.is_valid(example | {"ce_type": "loa.tts.other"})
    for header in ("ce_id", "ce_source", "ce_specversion", "ce_time", "ce_type", "content-type"):
        assert not judge.is_valid({each: example[each] for each in example if each != header}), header


def test_requests_need_no_headers() -> None:
    assert judge_of(MESSAGES["SynthesisRequested"]["headers"]).is_valid({})


@pytest.mark.parametrize("event", [*EVENTS, SynthesisRequested])
def test_every_field_says_what_it_is(event: Any) -> None:
    assert [name for name, field in event.model_fields.items() if not field.description and name != "file_id"] == []


def test_what_is_written_fits_the_schema_of_the_event() -> None:
    topics = Topics(SETTINGS)
    for short, event in examples().items():
        schema = event_schema(topics[short].name, topics)
        judge_of(schema).validate(json.loads(event.encode()))
        assert schema["examples"] == [json.loads(event.encode())]
    judge_of(event_schema("tts.requests", topics)).validate(REFUSED)


def test_names_follow_the_settings() -> None:
    values = settings.load({"TTS_TOPIC_PREFIX": "speech", "TTS_TOPIC_PARTITIONS": "3", "TTS_TOPIC_REPLICATION": "2"})
    made = asyncapi(values)["channels"]["completed"]
    kafka = made["bindings"]["kafka"]
    assert (made["address"], kafka["topic"], kafka["partitions"], kafka["replicas"]) == (
        "speech.completed",
        "speech.completed",
        3,
        2,
    )
    assert "speech.failed" in names(Topics(values))
    said = asyncapi(values)["components"]["messages"]["SynthesisFailed"]["examples"][0]["headers"]
    assert said["ce_type"] == "loa.speech.failed"
