"""A store copied into another, as a whole, again, and while both are in use."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.copying import Copied, Copy, Outcome, audio_names
from storage.errors import StoreRefused
from storage.files import metadata_key
from storage.memory import MemoryStore
from storage.records import Record, Tombstone
from storage.store import Store
from tests.unit.storage.storage_fakes import Watched, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """With a file of each kind, a failure, a deleted file, pieces of one in the making, and a dead writer's audio."""
    made = World(MemoryStore(), tmp_path)
    for number, audio_format in enumerate(("wav", "flac", "mp3", "opus", "ogg", "pcm")):
        made.speak(b"audio %d" % number, request_id=f"r{number}", format=audio_format)
    deleted = made.speak(b"deleted", request_id="deleted")
    made.cleanup().delete(deleted.file_id)
    made.files().put_failure(made.failure(request_id="failed"))
    dead = made.record(b"dead", request_id="dead")
    made.files().mark(dead)
    made.store.put_new(f"{dead.file_id}.wav", b"dead")
    made.store.put_new(f"parts/{dead.file_id}/1", b"piece")
    return made


def copied(source: Store, target: Store) -> Counter[Outcome]:
    return Counter(each.outcome for each in Copy(source, target, threads=2).run())


def content(store: Store) -> dict[str, bytes]:
    return {key: store.get(key) for key in store.names() if not key.startswith("parts/")}


def test_all_of_it_comes_over_but_the_pieces(world: World, store: Store) -> None:
    outcomes = list(Copy(world.store, store).run())
    assert {each.outcome for each in outcomes} == {Outcome.COPIED}
    assert content(store) == content(world.store)
    assert list(store.names("parts/")) == []
    assert sum(each.size for each in outcomes) == sum(map(len, content(store).values()))


def test_what_was_copied_is_passed_over(world: World) -> None:
    target = MemoryStore()
    copied(world.store, target)
    watched = Watched(target, lambda effect: pytest.fail("nothing is to be written"))
    assert copied(world.store, watched).keys() == {Outcome.THERE}  # type: ignore[arg-type]
    world.speak(b"later", request_id="later")
    assert copied(world.store, target)[Outcome.COPIED] == 3


def test_the_order_is_that_of_a_writer(world: World) -> None:
    """Cut off before any write, the copy has no record without audio and nothing without a marker."""
    writes = 0

    class Checked(MemoryStore):
        def put_new(self, key, source) -> bool:
            nonlocal writes
            writes += 1
            check_whole(self)
            return super().put_new(key, source)

    target = Checked()
    copied(world.store, target)
    check_whole(target)
    assert writes == len(content(world.store))


def check_whole(store: Store) -> None:
    held = list(store.names())
    for key in held:
        name = key.removeprefix("metadata/")[:32]
        assert key.startswith("expiry/") or any(each.endswith(name) for each in held if each.startswith("expiry/"))
    for key in held:
        if key.startswith("metadata/"):
            stored = World(store, Path()).files().find(key[9:41])
            assert not isinstance(stored, Record) or World(store, Path()).files().verify(stored)


def test_a_file_put_between_the_lists_comes_with_its_audio(world: World) -> None:
    late: list[Record] = []

    class Late(Watched):
        def names(self, prefix: str = "", after: str = ""):
            if prefix == "metadata/":
                late.append(world.speak(b"late", request_id="late"))  # type: ignore[arg-type]
            return world.store.names(prefix, after)

    target = MemoryStore()
    copied(Late(world.store, lambda effect: None), target)  # type: ignore[arg-type]
    assert World(target, Path()).files().verify(late[0])
    check_whole(target)


def test_a_copy_that_is_behind_is_brought_up(world: World) -> None:
    target = MemoryStore()
    copied(world.store, target)
    gone = world.record(request_id="r0")
    world.cleanup().delete(gone.file_id)
    world.speak(b"second try", request_id="failed", attempts=4)
    outcomes = copied(world.store, target)
    assert outcomes[Outcome.UPDATED] == 2
    assert content(target).items() >= content(world.store).items()
    assert isinstance(World(target, Path()).files().find(gone.file_id), Tombstone)
    assert f"{gone.file_id}.wav" not in target.names()


def test_a_copy_that_is_ahead_stays(world: World) -> None:
    target = MemoryStore()
    copied(world.store, target)
    there = World(target, world.folder)
    there.now = world.now
    name = there.record(request_id="r0").file_id
    there.cleanup().delete(name)
    outcomes = copied(world.store, target)
    assert outcomes[Outcome.AHEAD] == 1
    assert outcomes[Outcome.CONFLICT] == 0
    assert isinstance(there.files().find(name), Tombstone)


@pytest.mark.parametrize("damage", ["metadata", "audio", "size"])
def test_the_same_key_with_other_bytes_is_a_conflict(world: World, damage: str) -> None:
    target = MemoryStore()
    copied(world.store, target)
    record = world.files().find(world.record(request_id="r0").file_id)
    assert isinstance(record, Record)
    audio = f"{record.file_id}.wav"
    if damage == "metadata":
        target.put(metadata_key(record.file_id), record.model_copy(update={"text": "other"}).to_bytes())
    else:
        target.put(audio, b"AUDIO 0" if damage == "audio" else b"x")
    found = [each for each in Copy(world.store, target).run() if each.outcome == Outcome.CONFLICT]
    assert {each.key for each in found} == {metadata_key(record.file_id) if damage == "metadata" else audio}
    assert all(each.detail for each in found)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_goes_meanwhile_does_not_stay_behind(world: World, when: str) -> None:
    target = MemoryStore()
    gone = f"{world.record(request_id='dead').file_id}.wav"

    class Going(Watched):
        def open(self, key: str):
            if key == gone and when == "before":
                world.store.delete(gone)
            file = world.store.open(key)
            if key == gone:
                world.store.delete(gone)
            return file

    outcomes = list(Copy(Going(world.store, lambda effect: None), target).run())  # type: ignore[arg-type]
    assert Copied(gone, Outcome.GONE) in outcomes
    assert gone not in target.names()


def test_what_is_not_read_back_as_written_is_refused(world: World) -> None:
    class Bad(MemoryStore):
        def put_new(self, key, source) -> bool:
            return super().put_new(key, b"other")

    with pytest.raises(StoreRefused, match="not read back as it was written"):
        copied(world.store, Bad())


@pytest.mark.parametrize("skip", [lambda key: False, lambda key: key.startswith("expiry/")])
def test_the_names_of_audio(store: Store, skip: Callable[[str], bool]) -> None:
    audio = [f"{digit}{'0' * 31}.wav" for digit in "0123456789abcdef"]
    others = ["expiry/20250103T1000/0/20250103T100312Z-x", "metadata/x.json", "parts/x/1", "probe/x"]
    for key in [*audio, *others]:
        if not skip(key):
            store.put_new(key, b"")
    assert list(audio_names(store)) == audio
    assert list(audio_names(store, audio[13])) == audio[14:]
    assert list(audio_names(store, audio[14])) == audio[15:]
