"""Two at the same file: one runs from beginning to end while the other stands before one of its reads or effects."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.memory import MemoryStore
from storage.records import Failure, Record, Tombstone
from storage.store import Store
from tests.unit.storage.storage_fakes import World, interrupted
from tests.unit.storage.test_crashes import (
    check_always,
    check_gone,
    clean,
    damaged,
    dead_writer,
    delete,
    failed,
    failed_after_a_dead_writer,
    failure_to_forget,
    nothing,
)

Deed = Callable[[World, Store], object]


def speak(world: World, store: Store) -> object:
    return world.retried(lambda: world.speak(b"audio", store))


def speak_other(world: World, store: Store) -> object:
    return world.retried(lambda: world.speak(b"other", store))


def speak_flac(world: World, store: Store) -> object:
    return world.retried(lambda: world.speak(b"flac", store, format="flac", content_sha256="d" * 64))


def speak_again(world: World, store: Store) -> object:
    return world.retried(lambda: world.speak(b"again", store, attempts=4))


def fail(world: World, store: Store) -> object:
    return world.retried(lambda: world.fail(store=store))


def fail_again(world: World, store: Store) -> object:
    return world.retried(lambda: world.fail(4, store))


def clean_much_later(world: World, store: Store) -> object:
    world.later(hours=25)
    return world.clean(store)


def missing(world: World) -> None:
    world.store.delete(f"{world.speak().file_id}.wav")  # type: ignore[union-attr]


def old_orphan(world: World) -> None:
    dead_writer(world)
    world.later(hours=25)


def old_file(world: World) -> None:
    world.speak()
    world.later(hours=25)


RACES = [
    (start, first, second)
    for start, deeds in [
        (nothing, [speak, speak_other, speak_flac, delete]),
        (dead_writer, [speak, speak_other, delete]),
        (damaged, [speak, speak_other, delete]),
        (missing, [speak, speak_other, delete]),
        (old_orphan, [speak, speak_other, clean, delete]),
        (old_file, [speak, delete, clean]),
        (nothing, [speak, fail, delete]),
        (dead_writer, [speak, fail]),
        (failed, [speak, speak_again, fail, fail_again, delete, clean]),
        (failed_after_a_dead_writer, [speak, speak_again, fail, fail_again, clean]),
        (failure_to_forget, [speak, speak_again, fail, clean]),
    ]
    for first in deeds
    for second in deeds
] + [(nothing, speak, clean_much_later), (dead_writer, speak, clean_much_later)]


def check_whole(world: World) -> None:
    """Exactly one outcome: a record with its very audio and nothing beside it, or none of it."""
    stored = world.files().find(world.record().file_id)
    if isinstance(stored, Record):
        assert world.files().verify(stored)
        assert world.audios() == [f"{stored.file_id}.{stored.format}"]
    if isinstance(stored, Tombstone):
        assert world.audios() == []


def check_told(world: World, told: list[object]) -> None:
    """Whoever announced a record announced the one that stands; whoever a failure, that or an earlier try's."""
    stands = world.files().find(world.record().file_id)
    if isinstance(stands, Record):
        assert {record.sha256 for record in told if isinstance(record, Record)} <= {stands.sha256}
    if isinstance(stands, Record | Failure):
        earlier = [failure for failure in told if isinstance(failure, Failure) and failure != stands]
        assert all(failure.attempts < stands.attempts for failure in earlier)
    if isinstance(stands, Failure):
        assert not any(isinstance(each, Record) for each in told)


@pytest.mark.parametrize(("start", "first", "second"), RACES, ids=lambda deed: deed.__name__)
def test_one_runs_while_the_other_stands(tmp_path: Path, start, first: Deed, second: Deed) -> None:
    for at in range(200):
        world = World(MemoryStore(), tmp_path)
        start(world)
        told: list[object] = []
        standing = interrupted(world.store, at, lambda world=world, told=told: told.append(second(world, world.store)))
        told.append(first(world, standing))
        check_always(world)
        check_whole(world)
        check_told(world, told)
        check_gone(world)
        if standing.effects <= at:
            return
    pytest.fail("the deed has no end")


@pytest.mark.parametrize("same", [True, False], ids=["same", "other"])
def test_of_many_writers_one_outcome_comes(store: Store, tmp_path: Path, same: bool) -> None:
    world = World(store, tmp_path)
    audios = [b"audio" if same else b"audio %d" % k for k in range(8)]
    for data in audios:
        world.audio(data)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(world.put_once, audios))
    assert len([ours for _, ours in outcomes if ours]) == 1
    assert len({stored.to_bytes() for stored, _ in outcomes}) == 1
    check_whole(world)
