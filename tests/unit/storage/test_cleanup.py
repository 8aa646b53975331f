from datetime import timedelta

import pytest

from storage.errors import CorruptRecord
from storage.expiry import Marker
from storage.files import metadata_key
from storage.records import Tombstone
from storage.store import Store
from tests.unit.storage.storage_fakes import START, World


@pytest.fixture
def world(store: Store, tmp_path) -> World:
    return World(store, tmp_path)


def test_nothing_goes_before_its_expiry_whatever_the_cutoff(world: World) -> None:
    record = world.speak()
    world.later(hours=24, seconds=-1)
    cleanup = world.cleanup()
    assert list(cleanup.due(world.now + timedelta(days=99), record.file_id[0])) == []
    world.clean()
    assert world.events == []
    assert world.files().verify(record)


def test_everything_goes_after(world: World) -> None:
    record = world.speak()
    world.later(hours=24, seconds=1)
    world.clean()
    assert world.events == [(record.file_id, "expired")]
    assert world.audios() == []
    tombstone = world.files().find(record.file_id)
    assert isinstance(tombstone, Tombstone)
    assert tombstone.forget_at == world.now + timedelta(days=30)
    assert world.markers() == [Marker.at(tombstone.forget_at, record.file_id).key]
    world.clean()
    assert len(world.events) == 1
    world.later(days=30, seconds=1)
    world.clean()
    assert len(world.events) == 1
    assert world.held() == []


def test_an_earlier_cutoff_spares_the_later(world: World) -> None:
    record = world.speak()
    world.later(hours=30)
    cleanup = world.cleanup()
    assert list(cleanup.due(START + timedelta(hours=23), record.file_id[0])) == []


def test_deleting_again_tells_the_same(world: World) -> None:
    record = world.speak()
    first = world.cleanup().delete(record.file_id)
    world.later(hours=1)
    assert first is not None
    assert world.cleanup().delete(record.file_id, "expired") == first
    world.cleanup().forget(first)
    assert world.cleanup().delete(record.file_id) == first
    world.later(days=40)
    world.clean()
    assert world.events == []
    assert world.held() == []


def test_deleting_what_is_not_there(world: World) -> None:
    assert world.cleanup().delete("0" * 32) is None
    passing = Tombstone(file_id="0" * 32, deleted_at=START, reason="orphaned", forget_at=START)
    world.store.put_new(metadata_key("0" * 32), passing.to_bytes())
    assert world.cleanup().delete("0" * 32) is None


def test_a_stale_marker_is_dropped_and_the_right_one_made_sure(world: World) -> None:
    record = world.speak()
    world.store.delete(*world.markers())
    world.store.put_new(Marker.at(START, record.file_id).key, b"{}")
    world.later(minutes=1)
    world.clean()
    assert world.events == []
    assert world.markers() == [Marker.at(record.expires_at, record.file_id).key]


def test_an_orphan_goes_after_its_grace(world: World) -> None:
    record = world.record(tenant="t")
    world.files().mark(record)
    world.store.put_new(f"{record.file_id}.wav", b"audio")
    world.store.put_new(f"parts/{record.file_id}/0", b"piece")
    world.later(hours=24, seconds=800)
    world.clean()
    assert world.events == []
    assert len(world.held()) == 3
    world.later(seconds=200)
    cleanup = world.cleanup()
    (due,) = cleanup.due(world.now, record.file_id[0])
    deleted = cleanup.settle(due)
    assert deleted is not None
    assert (deleted.tombstone.request_id, deleted.tombstone.tenant) == ("r1", "t")
    assert (deleted.tombstone.reason, deleted.tombstone.file_size) == ("orphaned", 5)
    assert cleanup.settle(due) == deleted
    cleanup.forget(deleted)
    assert world.held() == []


def test_a_marker_of_nothing_is_dropped(world: World) -> None:
    world.files().mark(world.record())
    world.later(hours=25)
    world.clean()
    assert world.events == []
    assert world.held() == []


def test_an_orphan_whose_marker_tells_nothing(world: World) -> None:
    record = world.record()
    world.store.put_new(Marker.at(START, record.file_id).key, b"")
    world.store.put_new(f"{record.file_id}.mp3", b"audio")
    world.later(hours=1)
    world.clean()
    assert world.events == [(record.file_id, "orphaned")]
    assert world.held() == []


def test_a_record_that_cannot_be_read_is_left_alone(world: World) -> None:
    record = world.speak()
    world.store.put(metadata_key(record.file_id), b"{")
    world.later(days=2)
    before = world.held()
    with pytest.raises(CorruptRecord):
        world.clean()
    assert world.held() == before


def test_the_reminder_survives_when_it_falls_on_the_expiry(world: World) -> None:
    record = world.speak(expires_at=START + timedelta(days=30))
    deleted = world.cleanup().delete(record.file_id)
    assert deleted is not None
    world.cleanup().forget(deleted)
    world.later(days=30, seconds=1)
    world.clean()
    assert world.held() == []


def test_unexpired_files_cost_nothing(world: World) -> None:
    for k in range(20):
        world.speak(request_id=f"r{k}")
    world.later(hours=1)
    touched: list[str] = []
    real = world.store.get
    world.store.get = lambda key, *range_: touched.append(key) or real(key, *range_)  # type: ignore
    world.clean()
    assert touched == []
