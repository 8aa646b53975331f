"""What earlier versions wrote is read by this one: records of a real Loa, one of each topic, for each version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from pydantic import BaseModel

from storage.index import Asked, CancelAsked, Completed, Deleted, DeliveryNoted, Failed, Progressed, Retained
from storage.records import file_id
from streams import settings
from streams.readers.audit.findings import Kind, Report
from streams.readers.audit.log_checks import LogChecks, figures
from streams.readers.audit.tables import Tables
from streams.readers.audit.window import Window
from streams.readers.identity import ask_of, died_at, file_of, headers_of
from streams.readers.replay import Range, when
from streams.readers.told import change_of, indexed
from streams.requests import parse
from streams.schema.channels import CHANNELS
from streams.topics import RETENTION_DAYS
from streams.version import CONTRACT

FOLDER = Path(__file__).parent / "events"
VERSIONS = sorted(each.name for each in FOLDER.iterdir())
SETTINGS = settings.load({})
RECORDED = [(version, short) for version in VERSIONS for short in RETENTION_DAYS]
EVENTS = [(version, short) for version, short in RECORDED if not short.startswith("requests")]
LATER = {"a_later_field": {"of": ["any", "kind"]}}
CHANGES = {
    "retained": Retained,
    "requests": Asked,
    "requests.bulk": Asked,
    "requests.retry": Asked,
    "progress": Progressed,
    "completed": Completed,
    "failed": Failed,
    "commands": CancelAsked,
    "deleted": Deleted,
    "webhooks": DeliveryNoted,
}


def load(version: str, short: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((FOLDER / version / f"{short}.json").read_bytes())
    return found


def record(version: str, short: str, without: str | None = None, **changed: Any) -> ConsumerRecord:
    """As a consumer gives it. `without`: a field that is missing; `changed`: fields that are other ones."""
    said = load(version, short)
    return ConsumerRecord(
        said["topic"],
        said["partition"],
        said["offset"],
        said["timestamp"],
        1,
        said["key"] and said["key"].encode(),
        orjson.dumps({name: value for name, value in (said["value"] | changed).items() if name != without}),
        None,
        0,
        0,
        tuple((name, text.encode()) for name, text in said["headers"]),
    )


def model_of(short: str) -> type[BaseModel]:
    model = CHANNELS[short].model
    assert model is not None
    return model


def test_this_contract_is_recorded() -> None:
    assert CONTRACT in VERSIONS, "run `make record`"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_topic_is_recorded(version: str) -> None:
    assert {each.stem for each in (FOLDER / version).iterdir()} >= set(CHANNELS)


@pytest.mark.parametrize(("version", "short"), EVENTS)
def test_an_event_is_read_whole(version: str, short: str) -> None:
    """And written as it was; a field that this version adds has a default, and is no part of what was read."""
    value = load(version, short)["value"]
    read = model_of(short).model_validate_json(orjson.dumps(value))
    assert read.model_dump(mode="json", include=set(value)) == value


@pytest.mark.parametrize(("version", "short"), [each for each in RECORDED if each[1] != "requests.dlq"])
def test_fields_of_a_later_version_are_ignored(version: str, short: str) -> None:
    model, value = model_of(short), load(version, short)["value"]
    read = model.model_validate_json(orjson.dumps(value))
    assert model.model_validate_json(orjson.dumps(value | LATER)) == read


@pytest.mark.parametrize(("version", "short"), [each for each in RECORDED if each[1] != "requests.dlq"])
def test_a_field_that_is_not_always_there_has_a_default(version: str, short: str) -> None:
    model, value = model_of(short), load(version, short)["value"]
    for name in value:
        field = model.model_fields[name]
        rest = {each: value[each] for each in value if each != name}
        if not field.is_required():
            read = model.model_validate_json(orjson.dumps(rest))
            assert getattr(read, name) == field.get_default(call_default_factory=True), name


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_understood(version: str) -> None:
    value = load(version, "requests")["value"]
    request = parse(orjson.dumps(value), SETTINGS)
    assert (request.text, request.request_id, request.format) == ("Hello from Loa.", "spoken", value["format"])
    assert request.model_dump(mode="json", include=set(value)) == value
    assert parse(orjson.dumps(value | LATER), SETTINGS) == request


@pytest.mark.parametrize(("version", "short"), [each for each in RECORDED if each[1] in indexed(settings.load({}))])
def test_the_index_takes_it_in(version: str, short: str) -> None:
    change = change_of(record(version, short), short, SETTINGS)
    assert type(change) is CHANGES[short]
    assert change_of(record(version, short, **LATER), short, SETTINGS) == change


@pytest.mark.parametrize(("version", "short"), [each for each in RECORDED if each[1] in indexed(settings.load({}))])
def test_the_index_does_without_what_is_not_always_there(version: str, short: str) -> None:
    fields = model_of(short).model_fields
    names = set(load(version, short)["value"]) - {"request_id", "tenant"}  # whose it is, an orphan alone does not say
    names -= {"retained_at"}  # without it nothing was changed
    for name in names:
        if not fields[name].is_required():
            assert type(change_of(record(version, short, without=name), short, SETTINGS)) is CHANGES[short], name


@pytest.mark.parametrize(("version", "short"), [each for each in RECORDED if each[1] != "cleanup"])
def test_records_are_known_to_be_about_their_request(version: str, short: str) -> None:
    value = load(version, short)["value"]
    tenant = value.get("tenant", "default")
    assert file_of(record(version, short), short, SETTINGS) == (file_id(tenant, value["request_id"]), tenant)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_is_that_of_its_request(version: str) -> None:
    ask = ask_of(record(version, "requests"), SETTINGS)
    told = load(version, "completed")["value"]
    assert (told["request_id"], told["file_id"], told["text_sha256"]) == (ask.request_id, ask.file_id, ask.text_sha256)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_copy_knows_its_first_record_and_a_dead_letter_its_place(version: str) -> None:
    retried = ask_of(record(version, "requests.retry"), SETTINGS)
    assert (retried.source.rsplit("-", 2)[0], retried.attempt) == ("tts.requests", 2)
    assert died_at(headers_of(record(version, "requests.dlq"))) == load(version, "failed")["value"]["source"]


def audited(version: str, *shorts: str) -> dict[Kind, int]:
    """What an audit of these records finds in the log. The dead letter stands for its request too."""
    asked, dead = record(version, "requests"), record(version, "requests.dlq")
    place = died_at(headers_of(dead)) or ""
    topic, partition, offset = place.rsplit("-", 2)
    refused = dead.__class__(topic, int(partition), int(offset), dead.timestamp, 1, None, dead.value, None, 0, 0, ())
    found = [(short, record(version, short)) for short in shorts]
    requests = [asked, refused]
    pairs = {TopicPartition(each.topic, each.partition) for each in requests}
    later = max(when(each).timestamp() for _, each in found) + 1000
    tables = Tables(SETTINGS, None, dict.fromkeys(pairs, 1000), later)
    names = {f"tts.{short}": short for short in ("requests", "requests.retry", "completed", "failed", "requests.dlq")}
    ranges = {pair: Range(0, 1000, 0) for pair in pairs}
    window = Window(later, 0.0, later, 7.0, names, dict.fromkeys(pairs, 1000), ranges)
    for each in requests:
        window.oldest.setdefault(TopicPartition(each.topic, each.partition), each.timestamp / 1000)
    try:
        tables.add("requests", requests)
        for short, each in found:
            tables.add(short, [each])
        tables.index()
        report = Report(when(asked))
        figures(tables, window, report)
        LogChecks(tables, window, report).run()
    finally:
        tables.close()
    return {kind: each.count for kind, each in report.findings.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_audit_understands_them(version: str) -> None:
    assert audited(version, "completed", "failed", "requests.dlq") == {}
    assert audited(version, "completed") == {Kind.REQUEST_WITHOUT_OUTCOME: 1}
    assert audited(version, "failed", "requests.dlq") == {Kind.REQUEST_WITHOUT_OUTCOME: 1}
