from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storage.errors import CorruptRecord
from storage.records import Record, Tombstone, file_id, iso, parse
from tests.unit.storage.storage_fakes import START, World


def test_file_id_is_as_specified() -> None:
    # printf 'default\\ntts.requests-0-0' | sha256sum
    assert file_id("default", "tts.requests-0-0") == "f87c78b8ad9524aec0cb81cc0823db26"


def test_a_record_comes_back(world: World) -> None:
    record = world.record(speaker_id="05", synthesis={"seed": 7}, metadata={"k": ["v"]})
    assert parse(record.to_bytes()) == record


def test_times_are_written_in_utc_with_z(world: World) -> None:
    east = START.astimezone(timezone(timedelta(hours=7)))
    value = orjson.loads(world.record(created_at=east).to_bytes())
    assert value["created_at"] == "2025-01-03T10:03:11.250000Z"
    assert value["expires_at"] == "2025-01-04T10:03:11.250000Z"


def test_naive_times_are_refused(world: World) -> None:
    with pytest.raises(ValidationError):
        world.record(created_at=datetime(2025, 1, 3))


def test_megabytes_follow_the_size(world: World) -> None:
    assert world.record(b"x" * 2**19).file_size_mb == 0.5


def test_unknown_fields_are_kept(world: World) -> None:
    value = orjson.loads(world.record().to_bytes()) | {"later": [1]}
    again = parse(orjson.dumps(value))
    assert orjson.loads(again.to_bytes())["later"] == [1]


def test_a_tombstone_has_everything_but_the_text(world: World) -> None:
    record = world.record(metadata={"k": 1}, worker="w")
    tombstone = Tombstone.of(record, START, "requested", START + timedelta(days=30))
    assert parse(tombstone.to_bytes()) == tombstone
    value = orjson.loads(tombstone.to_bytes())
    before = orjson.loads(record.to_bytes())
    assert before.pop("text") == "Xin chào"
    assert {name: value[name] for name in before} == before
    assert set(value) - set(before) == {"deleted_at", "reason", "forget_at"}
    assert b"Xin" not in tombstone.to_bytes()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"{}", b'{"deleted_at": 1}', b"\xff"])
def test_other_bytes_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptRecord):
        parse(data)


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_keeps_every_microsecond(time: datetime) -> None:
    assert iso(time).endswith("Z")
    assert datetime.fromisoformat(iso(time)) == time


def test_a_record_refuses_a_name_that_is_no_file_id(world: World) -> None:
    with pytest.raises(ValidationError):
        Record.model_validate(world.record().model_dump() | {"file_id": "../x"})
