"""A store looked through for what does not fit."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storage.expiry import Marker
from storage.files import metadata_key
from storage.memory import MemoryStore
from storage.records import Record
from storage.retention import Retention
from streams.readers.store_check import StoreCheck
from streams.settings import load
from tests.unit.storage.storage_fakes import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(MemoryStore(), tmp_path)
    for number in range(5):
        made.speak(b"audio %d" % number, request_id=f"r{number}")
    deleted = made.speak(b"deleted", request_id="deleted")
    made.cleanup().delete(deleted.file_id)
    made.files().put_failure(made.failure(request_id="failed"))
    writing = made.record(b"half", request_id="writing")
    made.files().mark(writing)
    made.store.put_new(f"{writing.file_id}.wav", b"half")
    return made


def checked(world: World, *, read: bool = False) -> StoreCheck:
    return StoreCheck(world.files(), load({}), 60, read)


def flaws(world: World, *, read: bool = False) -> set[tuple[str, str]]:
    check = checked(world, read=read)
    return {(kind.value, example["file"]) for kind, example in [*check.run(), *check.overdue()]}


def first(world: World) -> Record:
    found = world.files().find(world.record(request_id="r0").file_id)
    assert isinstance(found, Record)
    return found


def test_a_store_at_work_has_no_flaws(world: World) -> None:
    assert flaws(world, read=True) == set()
    assert sum(1 for _ in checked(world)._ids("")) == 8


def gone(world: World, record: Record) -> None:
    world.store.delete(f"{record.file_id}.wav")


def cut(world: World, record: Record) -> None:
    world.store.put(f"{record.file_id}.wav", b"aud")


def unmarked(world: World, record: Record) -> None:
    world.store.delete(Marker.at(record.expires_at, record.file_id).key)


def unreadable(world: World, record: Record) -> None:
    world.store.put(metadata_key(record.file_id), b"{")


def stray(world: World, record: Record) -> None:
    unmarked(world, record)
    world.store.delete(metadata_key(record.file_id))


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (gone, "audio_missing"),
        (cut, "audio_differs"),
        (unmarked, "marker_missing"),
        (unreadable, "metadata_differs"),
        (stray, "orphan"),
    ],
)
def test_each_damage_is_found(world: World, damage: Callable[[World, Record], None], kind: str) -> None:
    record = first(world)
    damage(world, record)
    assert flaws(world) == {(kind, record.file_id)}


def test_other_bytes_of_the_same_size_are_found_by_reading(world: World) -> None:
    record = first(world)
    world.store.put(f"{record.file_id}.wav", b"AUDIO 0")
    assert flaws(world) == set()
    assert flaws(world, read=True) == {("audio_differs", record.file_id)}


def test_what_clean_up_did_not_remove_is_overdue(world: World) -> None:
    record = first(world)
    world.later(hours=24, minutes=30)
    assert flaws(world) == set(), "it has its interval"
    world.later(hours=1)
    assert ("overdue", record.file_id) in flaws(world)
    world.clean()
    assert flaws(world) == set()
    world.store.put_new(f"{record.file_id}.wav", b"audio 0")
    world.later(hours=2)
    assert flaws(world) == {("overdue", record.file_id)}
    world.later(days=40)
    assert len({name for _, name in flaws(world)}) >= 6, "tombstones and the failure"
    world.clean()
    assert flaws(world) == set()


@pytest.mark.parametrize("limit", [1, 3, 8, 20])
def test_some_at_a_time_is_all_of_it(world: World, limit: int) -> None:
    for number in range(5):
        world.store.delete(f"{world.record(request_id=f'r{number}').file_id}.wav")
    found, after, looks = [], "", 0
    while True:
        check = checked(world)
        found += [example["file"] for _, example in check.run(after, limit)]
        after, looks = check.last, looks + 1
        if check.looked_at < limit:
            break
    assert sorted(found) == sorted(world.record(request_id=f"r{number}").file_id for number in range(5))
    assert looks == 8 // limit + 1


@pytest.mark.parametrize(("pinned", "found"), [(True, set()), (False, {"overdue"})])
def test_a_pinned_file_is_not_overdue(world: World, pinned: bool, found: set[str]) -> None:
    record = first(world)
    Retention(world.files()).change(record.file_id, pinned=True)
    world.later(hours=30)
    world.clean()
    Retention(world.files()).change(record.file_id, pinned=pinned)
    world.later(hours=2)
    check = checked(world)
    assert {kind.value for kind, example in check.run() if example["file"] == record.file_id} == found


def test_an_extended_file_is_overdue_only_after_its_new_expiry(world: World) -> None:
    record = first(world)
    Retention(world.files()).change(record.file_id, expires_at=record.expires_at + timedelta(days=1))
    for hours, found in ((30, set()), (30, {"overdue"})):
        world.later(hours=hours)
        flaws = {kind.value for kind, example in checked(world).run() if example["file"] == record.file_id}
        assert flaws == found
