from datetime import UTC, datetime, timedelta

from storage import parts
from storage.cleanup import CleanUp
from storage.expiry import SHARDS
from storage.files import AudioFiles
from storage.memory import MemoryStore
from storage.parts import PartWriter

NAME = "0123456789abcdef" * 2
THEN = datetime(2025, 1, 3, 10, 0, tzinfo=UTC)


def test_pieces_are_read_in_order_and_go() -> None:
    store = MemoryStore()
    writer = PartWriter(store, NAME, THEN, {"tenant": "acme"})
    for piece in (b"one", b"two"):
        writer.add(piece)
    assert [parts.read(store, NAME, k) for k in (1, 2, 3)] == [b"one", b"two", None]
    writer.end(None)
    assert parts.read(store, NAME, 1) is None


def test_what_an_earlier_try_wrote_stays() -> None:
    store = MemoryStore()
    PartWriter(store, NAME, THEN, {}).add(b"one")
    again = PartWriter(store, NAME, THEN, {})
    again.add(b"one again")
    assert (again.count, parts.read(store, NAME, 1)) == (1, b"one")


def test_what_a_dead_writer_left_is_cleaned_up_once_it_would_have_expired() -> None:
    store, now = MemoryStore(), [THEN - timedelta(hours=1)]
    clean_up = CleanUp(AudioFiles(store, clock=lambda: now[0]), orphan_grace=60)
    PartWriter(store, NAME, THEN, {"tenant": "acme", "request_id": "r"}).add(b"one")

    def settle() -> list[str | None]:
        told = [clean_up.settle(due) for shard in SHARDS for due in clean_up.due(now[0], shard)]
        for deleted in told:
            if deleted:
                clean_up.forget(deleted)
        return [deleted.tombstone.tenant for deleted in told if deleted]

    assert settle() == []
    now[0] = THEN
    assert settle() == [], "its writer may still be at it"
    assert parts.read(store, NAME, 1) == b"one"
    now[0] += timedelta(seconds=61)
    assert settle() == ["acme"]
    assert list(store.names()) == []
