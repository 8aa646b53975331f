from datetime import UTC, datetime, timedelta

from storage import parts
from storage.cleanup import CleanUp
from storage.expiry import SHARDS
from storage.files import AudioFiles
from storage.memory import MemoryStore
from storage.parts import PartFolder, PartWriter, SpokenParts

NAME = "0123456789abcdef" * 2
THEN = datetime(2025, 1, 3, 10, 0, tzinfo=UTC)


def test_pieces_are_read_in_order_and_go() -> None:
    store = MemoryStore()
    folder = PartFolder(store, NAME, THEN, {"tenant": "acme"})
    writer = PartWriter(folder)
    for piece in (b"one", b"two"):
        writer.add(piece)
    assert [parts.read(store, NAME, k) for k in (1, 2, 3)] == [b"one", b"two", None]
    folder.end(None)
    assert parts.read(store, NAME, 1) is None


def test_what_an_earlier_try_wrote_stays() -> None:
    store = MemoryStore()
    PartWriter(PartFolder(store, NAME, THEN, {})).add(b"one")
    again = PartWriter(PartFolder(store, NAME, THEN, {}))
    again.add(b"one again")
    assert (again.count, parts.read(store, NAME, 1)) == (1, b"one")


def test_what_a_dead_writer_left_is_cleaned_up_once_it_would_have_expired() -> None:
    store, now = MemoryStore(), [THEN - timedelta(hours=1)]
    clean_up = CleanUp(AudioFiles(store, clock=lambda: now[0]), orphan_grace=60)
    folder = PartFolder(store, NAME, THEN, {"tenant": "acme", "request_id": "r"})
    PartWriter(folder).add(b"one")
    SpokenParts(folder).put(1, b"chunk", b"samples")

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


def test_a_spoken_chunk_is_given_back_for_what_it_is_of_alone() -> None:
    store = MemoryStore()
    chunks = SpokenParts(PartFolder(store, NAME, THEN, {}))
    assert (chunks.there(), chunks.get(2, b"this")) == (set(), None)
    chunks.put(2, b"this", b"samples")
    assert chunks.there() == {2}
    assert [chunks.get(2, b"this"), chunks.get(2, b"that"), chunks.get(1, b"this")] == [b"samples", None, None]


def test_a_spoken_chunk_that_is_torn_or_changed_is_none() -> None:
    store = MemoryStore()
    chunks = SpokenParts(PartFolder(store, NAME, THEN, {}))
    chunks.put(1, b"this", b"samples")
    whole = store.get(f"parts/{NAME}/spoken/1")
    for damaged in (whole[:-1], whole[:40], b"", whole[:-1] + b"S"):
        store.put(f"parts/{NAME}/spoken/1", damaged)
        assert chunks.get(1, b"this") is None
    chunks.put(1, b"this", b"again")
    assert chunks.get(1, b"this") == b"again", "what is damaged is replaced"


def test_listeners_and_who_goes_on_do_not_see_each_others_parts() -> None:
    store = MemoryStore()
    folder = PartFolder(store, NAME, THEN, {})
    writer, chunks = PartWriter(folder), SpokenParts(folder)
    chunks.put(1, b"this", b"samples")
    writer.add(b"one")
    assert parts.read(store, NAME, 1) == b"one"
    assert parts.read(store, NAME, 2) is None
    assert chunks.there() == {1}
    chunks.clear()
    assert chunks.there() == set()
    assert parts.read(store, NAME, 1) == b"one"
    folder.end(None)
    assert list(store.names("parts/")) == []
