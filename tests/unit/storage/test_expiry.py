from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.expiry import SHARDS, Marker, due, folder, parse_key, slice_of
from storage.memory import MemoryStore
from tests.unit.storage.storage_fakes import START

NAME = "0123456789abcdef" * 2
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


class Counting(MemoryStore):
    """Notes which folders were listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []

    def names(self, prefix: str = ""):
        self.listed.append(prefix)
        return super().names(prefix)


def test_the_name_is_as_specified() -> None:
    marker = Marker.at(START, "f" + NAME[1:])
    assert marker.key == f"expiry/20250103T1000/f/20250103T100312Z-f{NAME[1:]}"


def test_rounding_up_may_lead_to_the_next_slice() -> None:
    marker = Marker.at(datetime(2025, 12, 31, 23, 59, 59, 1, tzinfo=UTC), NAME)
    assert marker.key == f"expiry/20260101T0000/0/20260101T000000Z-{NAME}"


@given(TIMES)
def test_a_marker_is_never_early_and_at_most_a_second_late(time: datetime) -> None:
    marker = Marker.at(time, NAME)
    assert timedelta(0) <= marker.time - time < timedelta(seconds=1)
    assert parse_key(marker.key) == marker


@given(TIMES, TIMES)
def test_names_sort_by_time(a: datetime, b: datetime) -> None:
    assert (Marker.at(a, NAME).key < Marker.at(b, NAME).key) == (Marker.at(a, NAME).time < Marker.at(b, NAME).time)


@pytest.mark.parametrize("key", ["x", "expiry/20250103T1000/f/x", f"expiry/20251303T1000/0/20251303T100312Z-{NAME}"])
def test_other_names_are_no_markers(key: str) -> None:
    assert parse_key(key) is None


def test_due_lists_begun_slices_of_one_shard_only() -> None:
    store = Counting()
    hours = [START + timedelta(hours=k) for k in range(-3, 100)]
    for shard in SHARDS:
        for time in hours:
            store.put_new(Marker.at(time, shard + NAME[1:]).key, b"")
    store.put_new(folder(START, "a") + "stray", b"")
    found = [marker.time for marker in due(store, START, "a")]
    assert found == [Marker.at(time, NAME).time for time in hours[:3]]
    assert store.listed == [folder(time, "a") for time in hours[:4]]


@given(TIMES, st.integers(0, 7200))
def test_due_is_exactly_what_has_come(time: datetime, seconds: int) -> None:
    store = MemoryStore()
    marker = Marker.at(time, NAME)
    store.put_new(marker.key, b"")
    cutoff = time + timedelta(seconds=seconds - 3600)
    assert list(due(store, cutoff, "0")) == ([marker] if marker.time <= cutoff else [])


def test_a_slice_is_ten_minutes() -> None:
    start = datetime(2025, 1, 3, 10, tzinfo=UTC)
    names = {slice_of(start + timedelta(seconds=k)) for k in range(600)}
    assert names == {"20250103T1000"}
    assert slice_of(start + timedelta(seconds=600)) == "20250103T1010"
