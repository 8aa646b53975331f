import pytest

from storage.errors import CorruptRecord, NotFound
from storage.files import AudioFiles, metadata_key
from storage.records import Record, Tombstone
from storage.store import Store
from tests.unit.storage.storage_fakes import World


@pytest.fixture
def world(store: Store, tmp_path) -> World:
    return World(store, tmp_path)


def test_the_layout_is_as_specified(world: World) -> None:
    record = world.record()
    assert world.files().put_once(record, world.audio(b"audio")) == (record, True)
    name = record.file_id
    assert world.held() == sorted(
        [f"{name}.wav", f"expiry/20250104T1000/{name[0]}/20250104T100312Z-{name}", f"metadata/{name}.json"]
    )
    assert world.files().file_path(name, "wav") == world.store.url(f"{name}.wav")


def test_what_was_put_is_found_verified_and_read(world: World) -> None:
    files = world.files()
    record = world.record()
    assert files.find(record.file_id) is None
    files.put_once(record, world.audio(b"audio"))
    assert files.find(record.file_id) == record
    assert files.verify(record)
    assert files.adopt(record)
    assert files.read(record, 1, 3) == b"ud"
    with files.open(record) as reader:
        world.cleanup().delete(record.file_id)
        assert reader.read() == b"audio"
    with pytest.raises(NotFound):
        files.read(record)


def test_audio_is_fetched_whole_or_not(world: World) -> None:
    files, record, path = world.files(), world.record(), world.folder / "fetched"
    assert not files.fetch(record, path), "it is not there"
    files.put_once(record, world.audio(b"audio"))
    for _ in range(2):
        assert files.fetch(record, path) and path.read_bytes() == b"audio"
    for damage in (b"audia", b"audi", b"audio!"):
        world.store.put(f"{record.file_id}.wav", damage)
        assert not files.fetch(record, path)


def test_the_second_adopts_the_first(world: World) -> None:
    first = world.record()
    world.files().put_once(first, world.audio(b"audio"))
    world.later(seconds=5)
    assert world.files().put_once(world.record(b"other"), world.audio(b"other")) == (first, False)
    assert world.files().verify(first)


def test_a_loser_takes_his_other_format_away(world: World) -> None:
    first = world.record()
    world.files().put_once(first, world.audio(b"audio"))
    assert world.files().put_once(world.record(b"flac", format="flac"), world.audio(b"flac")) == (first, False)
    assert world.audios() == [f"{first.file_id}.wav"]


def test_a_loser_to_a_tombstone_leaves_no_audio(world: World) -> None:
    first = world.record()
    world.files().put_once(first, world.audio(b"audio"))
    deleted = world.cleanup().delete(first.file_id)
    assert deleted is not None
    assert world.files().put_once(world.record(), world.audio(b"audio")) == (deleted.tombstone, False)
    assert world.files().replace(world.record(), world.audio(b"audio")) == (deleted.tombstone, False)
    assert world.audios() == []


@pytest.mark.parametrize("left", [b"other", b"longer than ours", b"audio"])
def test_a_dead_writers_audio_is_replaced(world: World, left: bytes) -> None:
    record = world.record()
    world.files().mark(record)
    world.store.put_new(f"{record.file_id}.wav", left)
    assert world.files().put_once(record, world.audio(b"audio")) == (record, True)
    assert world.files().verify(record)


@pytest.mark.parametrize("damage", [None, b"", b"audi", b"odium"])
def test_damage_is_seen_and_repaired(world: World, damage: bytes | None) -> None:
    first = world.record()
    world.files().put_once(first, world.audio(b"audio"))
    key = f"{first.file_id}.wav"
    world.store.delete(key) if damage is None else world.store.put(key, damage)
    assert not world.files().verify(first)
    assert not world.files().adopt(first)
    assert world.waited > 1
    world.later(minutes=20)
    again = world.record(b"again")
    assert world.files().replace(again, world.audio(b"again")) == (again, True)
    assert world.files().find(first.file_id) == again
    assert world.files().verify(again)
    assert len(world.markers()) == 2


def test_a_repair_in_another_format_removes_the_old_audio(world: World) -> None:
    first = world.record()
    world.files().put_once(first, world.audio(b"audio"))
    assert world.files().replace(world.record(b"flac", format="flac"), world.audio(b"flac")) == (first, False)
    world.store.put(f"{first.file_id}.wav", b"broken")
    again = world.record(b"flac", format="flac")
    world.files().replace(again, world.audio(b"flac"))
    assert world.audios() == [f"{first.file_id}.flac"]


def test_a_record_that_cannot_be_read_is_repaired(world: World) -> None:
    record = world.record()
    world.store.put_new(metadata_key(record.file_id), b"{")
    with pytest.raises(CorruptRecord):
        world.files().find(record.file_id)
    assert world.files().put_once(record, world.audio(b"audio")) == (record, True)
    assert world.files().find(record.file_id) == record


def test_a_passing_tombstone_is_no_outcome(world: World) -> None:
    record = world.record()
    passing = Tombstone(file_id=record.file_id, deleted_at=world.now, reason="orphaned", forget_at=world.now)
    world.store.put_new(metadata_key(record.file_id), passing.to_bytes())
    assert world.files().find(record.file_id) is None
    assert world.retried(world.speak) is None
    assert world.audios() == []


def test_the_clock_has_a_default(world: World) -> None:
    assert AudioFiles(world.store).clock().tzinfo is not None


def test_replace_without_a_record_is_put_once(world: World) -> None:
    record = world.record()
    assert world.files().replace(record, world.audio(b"audio")) == (record, True)
    assert isinstance(world.files().find(record.file_id), Record)
