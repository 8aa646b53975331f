"""Files that are kept longer, pinned and released."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storage.expiry import LOOK, Marker, next_look
from storage.memory import MemoryStore
from storage.records import Record, Tombstone
from storage.retention import Retention
from storage.store import Store
from tests.unit.storage.storage_fakes import START, World, interrupted
from tests.unit.storage.test_crashes import check_always, crashes

Deed = Callable[[World, Store], object]
NAME = World(MemoryStore(), Path()).record().file_id
LATER = START + timedelta(days=3)


def retain(world: World, store: Store | None = None, **change: object) -> Record | None:
    return Retention(world.files(store)).change(NAME, **change)  # type: ignore[arg-type]


def extend(world: World, store: Store) -> object:
    return retain(world, store, expires_at=LATER)


def pin(world: World, store: Store) -> object:
    return retain(world, store, pinned=True)


def release(world: World, store: Store) -> object:
    return retain(world, store, pinned=False)


def clean(world: World, store: Store) -> object:
    return world.clean(store)


def delete(world: World, store: Store) -> object:
    deleted = world.cleanup(store).delete(NAME)
    if deleted is not None:
        world.cleanup(store).forget(deleted)
    return deleted


def speak_again(world: World, store: Store) -> object:
    return world.retried(lambda: world.speak(b"audio", store))


def spoken(world: World) -> None:
    world.speak()


def damaged(world: World) -> None:
    world.speak(b"first")
    world.store.put(f"{NAME}.wav", b"fir")


def expired(world: World) -> None:
    world.speak()
    world.later(hours=25)


def extended(world: World) -> None:
    world.speak()
    retain(world, expires_at=LATER)
    world.later(hours=25)


def pinned(world: World) -> None:
    world.speak()
    retain(world, pinned=True)


def pinned_beyond_expiry(world: World) -> None:
    pinned(world)
    world.later(hours=25)


def pinned_for_days(world: World) -> None:
    pinned_beyond_expiry(world)
    world.clean()
    world.later(hours=30)


def found(world: World) -> Record | Tombstone:
    stored = world.files().find(NAME)
    assert isinstance(stored, Record | Tombstone)
    return stored


def test_an_extended_file_survives_its_first_expiry_and_goes_after_its_second(world: World) -> None:
    extended(world)
    world.clean()
    assert (world.events, world.markers()) == ([], [Marker.at(LATER, NAME).key])
    world.now = LATER + timedelta(seconds=1)
    world.clean()
    assert world.events == [(NAME, "expired")]
    assert found(world).expires_at == LATER


def test_the_new_marker_stands_before_the_record_and_the_old_one_stays(world: World) -> None:
    first = world.speak()
    assert isinstance(first, Record)
    retain(world, expires_at=LATER)
    assert world.markers() == [Marker.at(first.expires_at, NAME).key, Marker.at(LATER, NAME).key]


def test_an_expiry_never_moves_earlier(world: World) -> None:
    first = world.speak()
    assert retain(world, expires_at=START + timedelta(hours=1)) == first
    assert found(world) == first


def test_a_change_that_comes_twice_says_the_same(world: World) -> None:
    world.speak()
    once = retain(world, expires_at=LATER, pinned=True)
    world.later(minutes=1)
    assert once is not None
    assert retain(world, expires_at=LATER, pinned=True) == once


def test_each_change_is_later_than_the_one_before(world: World) -> None:
    world.speak()
    first = retain(world, pinned=True)
    world.later(hours=-1)
    second = retain(world, pinned=False)
    assert first and second and first.retained_at and second.retained_at
    assert second.retained_at > first.retained_at


@pytest.mark.parametrize("state", ["nothing", "expired", "deleted", "failed"])
def test_what_is_over_cannot_be_kept(world: World, state: str) -> None:
    if state == "failed":
        world.fail()
    elif state != "nothing":
        expired(world)
    if state == "deleted":
        world.clean()
    before = world.held()
    assert retain(world, expires_at=LATER, pinned=True) is None
    assert world.held() == before


def test_a_pinned_file_is_deleted_by_nothing(world: World) -> None:
    pinned_beyond_expiry(world)
    assert world.cleanup().delete(NAME) is None
    for _ in range(10):
        world.clean()
        world.later(days=1)
    assert world.events == []
    record = found(world)
    assert isinstance(record, Record) and world.files().verify(record)


def test_a_pinned_file_is_looked_at_once_a_day_whatever_its_markers(world: World) -> None:
    pinned_beyond_expiry(world)
    expires = found(world).expires_at
    assert expires is not None
    world.store.put_new(Marker.at(START + timedelta(hours=3), NAME).key, b"{}")
    world.clean()
    assert world.markers() == [Marker.at(expires + LOOK, NAME).key]
    assert list(world.cleanup().due(world.now + timedelta(hours=22), NAME[0])) == []


def test_the_next_look_is_at_the_time_of_the_expiry() -> None:
    assert next_look(START, START - timedelta(seconds=1)) == START
    assert next_look(START, START) == START + LOOK
    assert next_look(START, START + timedelta(days=4, hours=1)) == START + timedelta(days=5)


@pytest.mark.parametrize("start", [pinned_beyond_expiry, pinned_for_days])
def test_a_released_file_goes_at_the_next_clean_up(world: World, start: Callable[[World], None]) -> None:
    start(world)
    release(world, world.store)
    world.clean()
    assert set(world.events) == {(NAME, "expired")}  # by each marker that was due: a repeat is the same event
    assert world.audios() == []


def test_a_released_file_lives_until_its_expiry(world: World) -> None:
    pinned(world)
    release(world, world.store)
    world.clean()
    assert isinstance(found(world), Record)
    world.later(hours=25)
    world.clean()
    assert world.events == [(NAME, "expired")]


def test_speaking_a_damaged_file_again_keeps_its_pin(world: World) -> None:
    pinned(world)
    retain(world, expires_at=LATER)
    world.store.put(f"{NAME}.wav", b"aud")
    record = world.speak()
    assert isinstance(record, Record) and world.files().verify(record)
    assert (record.pinned, record.expires_at) == (True, LATER)


CHANGES = [
    (start, deed)
    for start in (spoken, extended, pinned, pinned_beyond_expiry, pinned_for_days)
    for deed in (extend, pin, release)
] + [(start, clean) for start in (extended, pinned_beyond_expiry, pinned_for_days)]


def check_goes(world: World) -> None:
    """Released, it goes a day later at the latest, and is told; nothing stays."""
    release(world, world.store)
    world.now = max(world.now, LATER) + timedelta(days=1, seconds=1)
    world.clean()
    assert isinstance(found(world), Tombstone)
    assert world.audios() == []
    world.later(days=31)
    world.clean()
    assert world.held() == []


@pytest.mark.parametrize(("start", "deed"), CHANGES, ids=lambda each: each.__name__)
def test_a_change_may_be_cut_off_anywhere(tmp_path: Path, start, deed: Deed) -> None:
    for world, ended in crashes(tmp_path, start, deed):
        check_always(world)
        before = found(world)
        again = deed(world, world.store)
        if ended and deed is not clean:
            assert again == before
        check_always(world)
        check_goes(world)


RACES = [
    (start, first, second)
    for start in (spoken, damaged, expired, extended, pinned, pinned_beyond_expiry, pinned_for_days)
    for first in (extend, pin, release, clean, delete, speak_again)
    for second in (extend, pin, release, clean, delete, speak_again)
    if {first, second} & {extend, pin, release}
]


@pytest.mark.parametrize(("start", "first", "second"), RACES, ids=lambda each: each.__name__)
def test_one_changes_while_the_other_stands(tmp_path: Path, start, first: Deed, second: Deed) -> None:
    for at in range(200):
        world = World(MemoryStore(), tmp_path)
        start(world)
        told: dict[Deed, object] = {}
        standing = interrupted(
            world.store, at, lambda world=world, told=told: told.update({second: second(world, world.store)})
        )
        told[first] = first(world, standing)
        check_always(world)
        check_kept(world, told)
        check_goes_at_once(world)
        if standing.effects <= at:
            return
    pytest.fail("the deed has no end")


def check_kept(world: World, told: dict[Deed, object]) -> None:
    """Who was told that the file is kept finds it so, unless it was then released or deleted on request."""
    stored = found(world)
    if isinstance(told.get(extend), Record):
        assert stored.expires_at == LATER
    if isinstance(told.get(pin), Record) and release not in told:
        assert isinstance(stored, Record) and stored.pinned
    if isinstance(stored, Tombstone):
        assert world.audios() == []


def check_goes_at_once(world: World) -> None:
    """Nobody died: once released, it is gone at the first clean-up after its expiry."""
    release(world, world.store)
    expires = found(world).expires_at
    assert expires is not None
    world.now = max(world.now, expires) + timedelta(seconds=1)
    world.clean()
    assert isinstance(found(world), Tombstone)
    assert world.audios() == []
