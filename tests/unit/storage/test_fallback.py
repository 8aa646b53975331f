"""A store that moves: two as one, each key in the one or the other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import NotFound
from storage.fallback import FallbackStore
from storage.memory import MemoryStore
from storage.records import Record, Tombstone, sha256
from tests.unit.storage.storage_fakes import World


@pytest.fixture
def both() -> FallbackStore:
    return FallbackStore(MemoryStore(), MemoryStore())


def test_what_the_old_has_is_there_and_its_name_is_taken(both: FallbackStore) -> None:
    both.old.put_new("a/b", b"old")
    assert not both.put_new("a/b", b"new")
    assert both.get("a/b") == both.open("a/b").read() == b"old"
    assert both.get("a/b", 1, 2) == b"l"
    assert (both.size("a/b"), both.digest("a/b")) == (3, sha256(b"old"))
    assert (list(both.names()), list(both.folders())) == (["a/b"], ["a"])


def test_the_new_counts_where_both_have_it(both: FallbackStore) -> None:
    both.old.put_new("a", b"old")
    both.new.put_new("a", b"new")
    assert both.get("a") == b"new"
    assert list(both.names()) == ["a"]


def test_a_deletion_is_of_both(both: FallbackStore) -> None:
    for store in (both.old, both.new):
        store.put_new("a", b"x")
    both.delete("a")
    assert both.size("a") is None
    with pytest.raises(NotFound):
        both.get("a")


def test_nothing_is_written_to_the_old(both: FallbackStore) -> None:
    both.put_new("a", b"x")
    both.put("b", b"x")
    both.old.put_new("c", b"old")
    assert both.swap("c", sha256(b"old"), b"new")
    assert (both.get("c"), both.old.get("c")) == (b"new", b"old")
    assert list(both.old.names()) == ["c"]


def test_a_swap_needs_what_shows(both: FallbackStore) -> None:
    both.old.put_new("a", b"old")
    assert not both.swap("a", sha256(b"other"), b"new")
    assert both.swap("a", sha256(b"old"), b"new")
    assert not both.swap("a", sha256(b"old"), b"newer"), "what the old has is hidden"
    assert both.swap("a", sha256(b"new"), b"newer")


def test_of_many_swaps_of_the_old_one_wins_and_a_copy_disturbs_none(both: FallbackStore) -> None:
    both.old.put_new("a", b"old")

    def swap(k: int) -> bool:
        return both.new.put_new("a", b"old") and False if k == 7 else both.swap("a", sha256(b"old"), b"%d" % k)

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(swap, range(16)))
    assert won.count(True) == 1
    assert both.get("a") == b"%d" % won.index(True)


def test_a_file_of_the_old_lives_and_ends_under_both(both: FallbackStore, tmp_path: Path) -> None:
    before = World(both.old, tmp_path)
    record = before.speak()
    world = World(both, tmp_path)
    world.now = before.now
    assert world.speak() == record, "it is found, not spoken again"
    world.later(hours=25)
    world.clean()
    assert isinstance(world.files().find(record.file_id), Tombstone)
    assert world.audios() == []
    assert world.speak() == world.files().find(record.file_id)
    world.later(days=31)
    world.clean()
    assert world.held() == [], "nothing of the old shows again"


def test_a_file_damaged_in_the_old_is_repaired_in_the_new(both: FallbackStore, tmp_path: Path) -> None:
    record = World(both.old, tmp_path).speak()
    both.old.delete(f"{record.file_id}.wav")
    world = World(both, tmp_path)
    again = world.speak()
    assert isinstance(again, Record)
    assert world.files().verify(again)


def test_a_link_is_to_where_it_is(both: FallbackStore) -> None:
    both.new.link = lambda key, seconds: f"new:{key}"  # type: ignore[method-assign]
    both.old.put_new("a", b"x")
    both.new.put_new("b", b"x")
    assert (both.link("a", 1), both.link("b", 1)) == (None, "new:b")
