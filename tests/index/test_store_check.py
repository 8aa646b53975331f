"""A store looked through beside its index, a few files at a time, and what is safe to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from storage.expiry import Marker
from storage.files import metadata_key
from storage.index import Deleted, Index, take_store
from storage.index.changes import About
from storage.index.tables import files as table
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.records import Record
from storage.retention import Retention
from streams.readers.store_check import AT_ONCE, StoreCheck
from streams.readers.store_repair import StoreRepair
from streams.settings import load
from tests.unit.storage.storage_fakes import World

GRACE = 60


@pytest.fixture
def world(index: Index, tmp_path: Path) -> World:
    made = World(LocalStore(tmp_path / "audio"), tmp_path)
    for number in range(5):
        made.speak(b"audio %d" % number, request_id=f"r{number}")
    deleted = made.speak(b"deleted", request_id="deleted")
    made.cleanup().delete(deleted.file_id)
    made.files().put_failure(made.failure(request_id="failed"))
    Retention(made.files()).change(name(made, "r4"), pinned=True)
    take_store(index, made.files())
    made.later(minutes=2)
    return made


def name(world: World, request_id: str) -> str:
    return world.record(request_id=request_id).file_id


def record(world: World, request_id: str = "r0") -> Record:
    found = world.files().find(name(world, request_id))
    assert isinstance(found, Record)
    return found


def looking(world: World, index: Index | None, shard: str = "") -> StoreCheck:
    return StoreCheck(world.files(), load({}), GRACE, shard=shard, index=index)


def flaws(world: World, index: Index | None) -> set[tuple[str, str]]:
    return {(kind.value, example["file"]) for kind, example in looking(world, index).run()}


def mended(world: World, index: Index | None) -> list[bool]:
    repair = StoreRepair(world.files(), index)
    return [repair.mend(kind, str(example["file"])) for kind, example in looking(world, index).run()]


def test_an_index_that_is_up_to_date_has_no_flaws(world: World, index: Index) -> None:
    assert flaws(world, index) == set()


def test_the_metadata_of_what_fits_is_read_once(world: World, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    get, read = world.store.get, Counter[str]()

    def counting(key: str, start: int = 0, end: int | None = None) -> bytes:
        read[key] += 1
        return get(key, start, end)

    monkeypatch.setattr(world.store, "get", counting)
    forgotten(world, index)
    assert flaws(world, index) == {("not_indexed", name(world, "r0"))}
    again = read.pop(metadata_key(name(world, "r0")))
    assert again > 1, "what differs is looked at again"
    assert len(read) == 6 and set(read.values()) == {1}


def forgotten(world: World, index: Index) -> None:
    with index.database.writing() as connection:
        connection.execute(table.delete().where(table.c.file_id == name(world, "r0")))


def other_size(world: World, index: Index) -> None:
    with index.database.writing() as connection:
        changed = {"size": 1, "created_at": table.c.created_at - 1}
        connection.execute(table.update().where(table.c.file_id == name(world, "r0")).values(changed))


def not_told_of_its_end(world: World, index: Index) -> None:
    world.cleanup().delete(name(world, "r0"))
    world.later(minutes=2)


def not_told_of_being_kept(world: World, index: Index) -> None:
    Retention(world.files()).change(name(world, "r0"), pinned=True)
    world.later(minutes=2)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (forgotten, "not_indexed"),
        (other_size, "index_differs"),
        (not_told_of_its_end, "index_differs"),
        (not_told_of_being_kept, "index_differs"),
    ],
)
def test_an_index_that_lacks_something_is_told_by_the_store(
    world: World, index: Index, damage: Callable[[World, Index], None], kind: str
) -> None:
    before = index.totals(None)
    damage(world, index)
    assert flaws(world, index) == {(kind, name(world, "r0"))}
    assert mended(world, index) == [True]
    assert flaws(world, index) == set()
    if damage in {forgotten, other_size}:
        with index.database.reading() as connection:
            size = connection.execute(sql.select(table.c.size).where(table.c.file_id == name(world, "r0"))).scalar()
        assert size == record(world).file_size
        assert before.total_files == 5


def test_what_the_index_has_not_been_told_yet_is_no_flaw(world: World, index: Index) -> None:
    world.speak(b"new", request_id="new")
    assert flaws(world, index) == set()
    world.later(seconds=GRACE + 1)
    assert flaws(world, index) == {("not_indexed", name(world, "new"))}


def test_what_the_index_says_without_ground_is_for_a_rebuild(world: World, index: Index) -> None:
    stored = record(world)
    about = About(stored.file_id, stored.tenant, stored.request_id)
    index.apply([Deleted(about, world.now, "requested", stored.created_at)])
    assert flaws(world, index) == {("index_differs", stored.file_id)}
    assert mended(world, index) == [False]
    assert flaws(world, index) == {("index_differs", stored.file_id)}


def test_a_file_that_the_store_lost_is_told_and_not_hidden(world: World, index: Index) -> None:
    stored = record(world)
    world.store.delete(metadata_key(stored.file_id), f"{stored.file_id}.wav")
    assert flaws(world, index) == {("metadata_missing", stored.file_id)}
    assert mended(world, index) == [False]
    file = index.file(stored.file_id)
    assert file and file.deleted_at is None


def test_a_marker_is_put_again_and_leads_to_the_end_of_its_file(world: World, index: Index) -> None:
    stored = record(world)
    world.store.delete(Marker.at(stored.expires_at, stored.file_id).key)
    assert mended(world, index) == [True]
    assert flaws(world, index) == set()
    world.later(hours=25)
    world.clean()
    assert (stored.file_id, "expired") in world.events


def test_audio_of_nobody_is_left_to_clean_up_and_announced_audio_is_not(world: World, index: Index) -> None:
    stray, lost = "0" * 32, record(world)
    world.store.put_new(f"{stray}.wav", b"of nobody")
    world.store.delete(metadata_key(lost.file_id), Marker.at(lost.expires_at, lost.file_id).key)
    assert {kind for kind, _ in flaws(world, index)} == {"orphan", "metadata_missing"}
    assert mended(world, None) == [False, False], "without an index nobody knows whose it is"
    assert sorted(mended(world, index)) == [False, False, True]
    world.later(hours=1)
    world.clean()
    assert f"{stray}.wav" not in world.audios()
    assert f"{lost.file_id}.wav" in world.audios()


def test_what_a_deletion_left_gets_a_marker(world: World, index: Index) -> None:
    stored = record(world)
    world.cleanup().delete(stored.file_id)
    take_store(index, world.files())
    world.later(hours=2)
    world.clean()
    world.store.put_new(f"{stored.file_id}.wav", b"left")
    assert flaws(world, index) == {("overdue", stored.file_id)}
    assert mended(world, index) == [True]
    world.later(seconds=2)
    world.clean()
    assert flaws(world, index) == set()


def test_shards_are_all_of_it(world: World, index: Index) -> None:
    for number in range(5):
        world.store.delete(f"{name(world, f'r{number}')}.wav")
    forgotten(world, index)
    whole = flaws(world, index)
    parts = [list(looking(world, index, shard).run()) for shard in "0123456789abcdef"]
    found = [(kind.value, example["file"]) for part in parts for kind, example in part]
    assert len(found) == len(whole) == 6
    assert set(found) == whole
    assert all(
        file[0] == shard
        for shard, part in zip("0123456789abcdef", parts, strict=True)
        for file in (str(example["file"]) for _, example in part)
    )


class Counting(MemoryStore):
    """Notes how many names were listed."""

    listed = 0

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        for key in super().names(prefix, after):
            self.listed += 1
            yield key


def test_no_more_is_listed_than_is_looked_at(index: Index, tmp_path: Path) -> None:
    store = Counting()
    world = World(store, tmp_path)
    for number in range(3 * AT_ONCE):
        store.put_new(metadata_key(f"{number:032x}"), b"{")
        store.put_new(f"{number:032x}.wav", b"x")
    check = looking(world, index)
    store.listed = 0
    assert len(list(check.run(limit=10))) == 10
    assert store.listed <= 2 * 11
    store.listed = 0
    told: list[str] = []
    for _ in looking(world, index).run(behind=told.append):
        if len(told) == 1:
            break
    assert told == [f"{AT_ONCE - 1:032x}"]
    assert store.listed <= 2 * (2 * AT_ONCE + 1), "the next ones are looked at, and none after them"
