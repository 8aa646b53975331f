"""A process may end between any two effects: what it leaves leads to the right end, by redelivery or by clean-up."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from storage.memory import MemoryStore
from storage.records import Failure, Record, Tombstone
from storage.store import Store
from tests.unit.storage.storage_fakes import Crash, Watched, World, dying

Deed = Callable[[World, Store], object]


def nothing(world: World) -> None:
    pass


def dead_writer(world: World) -> None:
    record = world.record(b"dead")
    world.files().mark(record)
    world.store.put_new(f"{record.file_id}.wav", b"dead")
    world.store.put_new(f"parts/{record.file_id}/0", b"piece")


def committed(world: World) -> None:
    world.speak()


def damaged(world: World) -> None:
    record = world.speak(b"first")
    world.store.put(f"{record.file_id}.wav", b"fir")


def expired(world: World) -> None:
    world.speak()
    world.later(hours=25)


def orphaned(world: World) -> None:
    dead_writer(world)
    world.later(hours=25)


def forgettable(world: World) -> None:
    expired(world)
    world.clean()
    world.events.clear()
    world.later(days=31)


def failed(world: World) -> None:
    world.fail()


def failed_after_a_dead_writer(world: World) -> None:
    dead_writer(world)
    world.fail()
    world.later(hours=25)


def failure_to_forget(world: World) -> None:
    world.fail()
    world.later(days=31)


def speak(world: World, store: Store) -> object:
    return world.speak(b"audio", store)


def speak_again(world: World, store: Store) -> object:
    return world.speak(b"audio", store, attempts=4)


def fail(world: World, store: Store) -> object:
    return world.fail(store=store)


def clean(world: World, store: Store) -> object:
    return world.clean(store)


def delete(world: World, store: Store) -> object:
    deleted = world.cleanup(store).delete(world.record().file_id)
    if deleted is not None:
        world.events.append((deleted.tombstone.file_id, deleted.tombstone.reason))
        world.cleanup(store).forget(deleted)
    return deleted


CASES: list[tuple[Callable[[World], None], Deed]] = [
    (nothing, speak), (dead_writer, speak), (committed, speak), (damaged, speak), (orphaned, speak),
    (committed, delete), (damaged, delete), (expired, delete),
    (expired, clean), (orphaned, clean), (damaged, clean), (forgettable, clean),
    (nothing, fail), (dead_writer, fail), (failed, fail), (failed, speak), (failed, speak_again), (failed, delete),
    (failed_after_a_dead_writer, clean), (failed_after_a_dead_writer, speak_again), (failure_to_forget, clean),
]  # fmt: skip
NAMES = [f"{start.__name__}-{deed.__name__}" for start, deed in CASES]


def crashes(tmp_path: Path, start: Callable[[World], None], deed: Deed) -> Iterator[tuple[World, bool]]:
    """A world for each effect of the deed, ended before it; and last one in which it came to its end (True)."""
    for at in range(100):
        world = World(MemoryStore(), tmp_path)
        start(world)
        try:
            deed(world, dying(world.store, at))
        except Crash:
            yield world, False
        else:
            yield world, True
            return
    pytest.fail("the deed has no end")


def check_always(world: World) -> None:
    """What holds at every moment: nothing without a marker, no tombstone with text."""
    for key in world.held():
        name = key.removeprefix("metadata/").removeprefix("parts/")[:32]
        assert key.startswith("expiry/") or any(marker.endswith(name) for marker in world.markers()), key


def check_spoken(world: World) -> None:
    record = world.files().find(world.record().file_id)
    assert isinstance(record, Record)
    assert world.files().verify(record)
    assert len(world.audios()) == 1


def check_gone(world: World) -> None:
    """Time passes, and clean-up leaves nothing; where there was audio, it was told, but for what preceded a failure."""
    failed = isinstance(world.files().find(world.record().file_id), Failure)
    had_audio = bool(world.audios()) and not failed
    world.later(hours=49)
    world.clean()
    assert world.audios() == []
    assert not any(key.startswith("parts/") for key in world.held())
    if had_audio:
        assert world.events
    world.later(days=31)
    world.clean()
    assert world.held() == []


@pytest.mark.parametrize(("start", "deed"), CASES, ids=NAMES)
def test_clean_up_ends_whatever_was_cut_off(tmp_path: Path, start, deed: Deed) -> None:
    for world, _ in crashes(tmp_path, start, deed):
        check_always(world)
        check_gone(world)


@pytest.mark.parametrize("again", [b"audio", b"other"])
@pytest.mark.parametrize("start", [nothing, dead_writer, committed, damaged])
def test_redelivery_ends_what_was_cut_off(tmp_path: Path, start, again: bytes) -> None:
    for world, _ in crashes(tmp_path, start, speak):
        world.speak(again)
        check_always(world)
        check_spoken(world)
        check_gone(world)


@pytest.mark.parametrize("start", [failed, failed_after_a_dead_writer])
def test_another_try_after_a_failure_ends_what_was_cut_off(tmp_path: Path, start) -> None:
    for world, _ in crashes(tmp_path, start, speak_again):
        world.speak(b"other", attempts=4)
        check_always(world)
        check_spoken(world)
        check_gone(world)


@pytest.mark.parametrize("start", [nothing, dead_writer])
def test_a_failure_is_decided_by_doing_it_again(tmp_path: Path, start) -> None:
    for world, ended in crashes(tmp_path, start, fail):
        stood = world.files().find(world.record().file_id)
        told = world.fail()
        assert isinstance(told, Failure)
        assert told == stood or (stood is None and not ended)
        check_always(world)
        check_gone(world)


@pytest.mark.parametrize("start", [nothing, dead_writer, damaged])
def test_redelivery_may_be_cut_off_as_well(tmp_path: Path, start) -> None:
    for at in range(sum(1 for _ in crashes(tmp_path, start, speak))):
        for world, _ in crashes(tmp_path, partial(cut_off, start=start, at=at), speak_other):
            world.speak(b"third")
            check_always(world)
            check_spoken(world)


def cut_off(world: World, start: Callable[[World], None], at: int) -> None:
    start(world)
    with suppress(Crash):
        speak(world, dying(world.store, at))


def speak_other(world: World, store: Store) -> object:
    return world.speak(b"other", store)


@pytest.mark.parametrize(
    ("start", "deed"), [case for case in CASES if case[1] in (delete, clean)], ids=lambda each: each.__name__
)
def test_a_deletion_is_ended_by_doing_it_again(tmp_path: Path, start, deed: Deed) -> None:
    for world, _ in crashes(tmp_path, start, deed):
        before = world.files().find(world.record().file_id)
        deed(world, world.store)
        if deed is delete or start is not damaged:
            assert world.audios() == []
        after = world.files().find(world.record().file_id)
        if isinstance(before, Tombstone) and start is not forgettable:
            assert after == before
        if start in (expired, orphaned):
            assert {name for name, _ in world.events} == {world.record().file_id}
        check_gone(world)


def test_the_first_write_has_three_effects(tmp_path: Path) -> None:
    world = World(MemoryStore(), tmp_path)
    watched = Watched(world.store, lambda effect: None)
    world.speak(store=watched)
    assert watched.effects == 3
