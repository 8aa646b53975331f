"""What every backend has to do."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.errors import BadKey, NotFound, StoreRefused
from storage.memory import MemoryStore
from storage.records import sha256
from storage.store import Source, Store


def test_put_new_takes_a_free_name_once(store: Store) -> None:
    assert store.put_new("a/b", b"first")
    assert not store.put_new("a/b", b"second")
    assert store.get("a/b") == b"first"


def test_puts_in_order_are_done_one_by_one(store: Store) -> None:
    store.put_new("b", b"theirs")
    with store.scratch() as path:
        path.write_bytes(b"audio")
        puts = store.put_in_order(("a/x", b"note"), ("b", path), ("c.wav", path), ("a/y", b"record"))
        for placed, held in ((True, ["a/x", "b"]), (False, ["a/x", "b"]), (True, ["a/x", "b", "c.wav"])):
            assert next(puts) is placed
            assert list(store.names()) == held, "what comes later is not there yet"
        assert list(puts) == [True]
    assert [store.get(key) for key in ("a/x", "b", "c.wav", "a/y")] == [b"note", b"theirs", b"audio", b"record"]


def test_put_new_takes_a_scratch_file(store: Store) -> None:
    with store.scratch() as path:
        assert not path.exists()
        path.write_bytes(b"audio")
        assert store.put_new("a.wav", path)
        assert not store.put_new("a.wav", path)
        store.put("b.wav", path)
        assert path.exists()
    assert not path.exists()
    assert store.get("a.wav") == store.get("b.wav") == b"audio"


def test_a_file_from_elsewhere_is_copied(store: Store, tmp_path) -> None:
    path = tmp_path / "mine"
    path.write_bytes(b"before")
    store.put_new("a", path)
    path.write_bytes(b"after!")
    assert store.get("a") == b"before"


def test_put_replaces(store: Store) -> None:
    store.put("a/b", b"first")
    store.put("a/b", b"second")
    assert store.get("a/b") == b"second"


def test_swap_needs_the_old_bytes(store: Store) -> None:
    assert not store.swap("a/b", sha256(b""), b"new")
    store.put_new("a/b", b"old")
    assert not store.swap("a/b", sha256(b"other"), b"new")
    assert store.swap("a/b", sha256(b"old"), b"new")
    assert store.get("a/b") == b"new"


@pytest.mark.parametrize(("start", "end", "part"), [(0, None, b"0123"), (1, 3, b"12"), (2, 99, b"23"), (9, None, b"")])
def test_get_by_range(store: Store, start: int, end: int | None, part: bytes) -> None:
    store.put_new("a", b"0123")
    assert store.get("a", start, end) == part


@pytest.mark.parametrize(("start", "end", "part"), [(0, None, b"0123"), (1, 3, b"12"), (2, 99, b"23"), (9, None, b"")])
def test_open_at_a_range(store: Store, start: int, end: int | None, part: bytes) -> None:
    store.put_new("a", b"0123")
    with store.open("a", start, end) as file:
        assert file.read(len(part)) == part
    with pytest.raises(NotFound):
        store.open("none", start, end)


def test_nothing_there(store: Store) -> None:
    with pytest.raises(NotFound, match="a/b"):
        store.get("a/b")
    with pytest.raises(NotFound):
        store.open("a/b")
    assert store.size("a/b") is None
    assert store.digest("a/b") is None
    store.delete("a/b")
    assert list(store.names("a/")) == list(store.folders("a/")) == []
    store.sync("a/b")


def test_a_reader_is_not_cut_off(store: Store) -> None:
    store.put_new("a", b"0123456789")
    store.put_new("b", b"0123456789")
    with store.open("a") as deleted, store.open("b") as replaced:
        assert deleted.read(2) == replaced.read(2) == b"01"
        store.delete("a")
        store.put("b", b"other")
        assert deleted.read() == replaced.read() == b"23456789"
        deleted.seek(4)
        assert deleted.read(2) == b"45"


def test_delete_several(store: Store) -> None:
    for key in ("a/x/1", "a/x/2", "b"):
        store.put_new(key, b"")
    store.delete()
    assert len(list(store.names())) == 3
    store.delete("a/x/1", "a/x/2", "a/x/3", "b")
    assert list(store.names()) == []
    assert store.put_new("a/x/1", b"again")


def test_keys_and_folders_are_sorted_by_bytes(store: Store) -> None:
    names = ["a.wav", "b/c", "b/c.d/e", "b/c0/d", "c-d", "d/e/f", "é", "z"]
    for key in names:
        store.put_new(key, b"x")
    assert list(store.names()) == sorted(names, key=str.encode)
    assert list(store.names("b/")) == ["b/c", "b/c.d/e", "b/c0/d"]
    assert list(store.folders()) == ["b", "d"]
    assert list(store.folders("b/")) == ["c.d", "c0"]


@pytest.mark.parametrize("after", ["", "a", "a.wav", "b/c", "b/c.d/e", "b/c.d/f", "d/e/f", "zz"])
def test_names_after_another(store: Store, after: str) -> None:
    names = ["a.wav", "b/c", "b/c.d/e", "b/c0/d", "c-d", "d/e/f", "z"]
    for key in names:
        store.put_new(key, b"x")
    assert list(store.names("", after)) == [name for name in names if name > after]
    assert list(store.names("b/", after)) == [name for name in names if name > after and name.startswith("b/")]


def test_the_digest_is_that_of_what_is_there(store: Store) -> None:
    store.put_new("a", b"first")
    assert store.digest("a") == sha256(b"first")
    assert store.swap("a", sha256(b"first"), b"second")
    assert store.digest("a") == sha256(b"second")


def test_a_long_object_is_as_a_short_one(store: Store, tmp_path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(range(256)) * (5 << 12))
    assert store.put_new("long", path)
    assert not store.put_new("long", path)
    assert store.digest("long") == sha256(path.read_bytes())
    with store.open("long") as file:
        store.delete("long")
        assert file.read() == path.read_bytes()
        file.seek(-1, 2)
        assert file.read() == b"\xff"


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\0b", "tmp/x", "a\\b", "x" * 256])
def test_bad_keys_are_refused(store: Store, key: str) -> None:
    for deed in (store.get, store.size, store.open, store.delete, store.url, lambda k: store.put_new(k, b"")):
        with pytest.raises(BadKey):
            deed(key)


@pytest.mark.parametrize("prefix", ["a", "/", "../", "tmp/"])
def test_bad_prefixes_are_refused(store: Store, prefix: str) -> None:
    with pytest.raises(BadKey):
        list(store.names(prefix))
    with pytest.raises(BadKey):
        list(store.folders(prefix))


def test_of_many_writers_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda k: store.put_new("a/b", b"%d" % k), range(16)))
    assert won.count(True) == 1
    assert store.get("a/b") == b"%d" % won.index(True)


def test_of_many_swaps_one_wins(store: Store) -> None:
    store.put_new("a", b"old")
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda k: store.swap("a", sha256(b"old"), b"%d" % k), range(16)))
    assert won.count(True) == 1
    assert store.get("a") == b"%d" % won.index(True)


def test_folders_come_and_go_under_writers(store: Store) -> None:
    def put_and_delete(k: int) -> int:
        placed = 0
        for _ in range(10):
            placed += store.put_new(f"a/b/{k}", b"x")
            store.delete(f"a/b/{k}")
        return placed

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(put_and_delete, range(8))) == [10] * 8
    assert list(store.names()) == []


def test_probe_leaves_nothing(store: Store) -> None:
    store.probe()
    assert list(store.names()) == []


def test_probe_refuses_a_store_that_overwrites() -> None:
    class Overwrites(MemoryStore):
        def put_new(self, key: str, source: Source) -> bool:
            self.put(key, source)
            return True

    with pytest.raises(StoreRefused, match="refuse a name that is taken"):
        Overwrites().probe()


def test_probe_refuses_a_store_that_lies() -> None:
    class Lies(MemoryStore):
        def put_new(self, key: str, source: Source) -> bool:
            won = self.size(key) is None
            self.put(key, source)
            return won

    with pytest.raises(StoreRefused, match="keep what was written first"):
        Lies().probe()
