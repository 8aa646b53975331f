"""What a directory does before it says that something is durable, told from the calls that it makes."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import StoreFull, Unavailable
from storage.local import LocalStore

PUTS = (("expiry/x", b"note"), ("audio.wav", b"audio"), ("metadata/x", b"record"))


class Disk:
    """Notes what is brought to rest, and what had been when a name was given."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.rested: list[int] = []
        self.when_named: dict[str, list[int]] = {}
        self._fsync, self._link = os.fsync, os.link
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "link", self.link)

    def fsync(self, file: int) -> None:
        self._fsync(file)
        self.rested.append(os.fstat(file).st_ino)

    def link(self, source: Path, target: Path) -> None:
        self.when_named[str(Path(target).relative_to(self.root))] = list(self.rested)
        self._link(source, target)

    def inode(self, name: str) -> int:
        return (self.root / name).stat().st_ino


def test_each_name_waits_for_what_comes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, store = Disk(tmp_path, monkeypatch), LocalStore(tmp_path)
    assert list(store.put_in_order(*PUTS)) == [True] * 3
    contents = {disk.inode(key) for key, _ in PUTS}
    for above in (tmp_path.parent, tmp_path, tmp_path / "expiry"):
        assert above.stat().st_ino in disk.when_named["audio.wav"], f"the marker can be reached by {above}"
    assert contents <= set(disk.when_named["audio.wav"]), "all bytes are at rest before the audio has a name"
    assert disk.inode("") in disk.when_named["metadata/x"][len(disk.when_named["audio.wav"]) :]
    assert disk.inode("metadata") in disk.rested[len(disk.when_named["metadata/x"]) :]
    store.close()


def test_a_file_costs_six_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, store = Disk(tmp_path, monkeypatch), LocalStore(tmp_path)
    list(store.put_in_order(*((f"{key}-first", data) for key, data in PUTS)))
    disk.rested.clear()
    list(store.put_in_order(*PUTS))
    assert len(disk.rested) == 6, "three contents, and three folders that are known to be there"
    store.close()


def test_bytes_and_the_first_name_wait_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, real = LocalStore(tmp_path), os.fsync
    list(store.put_in_order(*((f"{key}-first", data) for key, data in PUTS)))
    together = threading.Barrier(4)

    def waiting(file: int) -> None:
        real(file)
        together.wait(60)

    monkeypatch.setattr(os, "fsync", waiting)
    puts = store.put_in_order(*PUTS)
    assert next(puts), "one after the other they would wait for each other in vain"
    monkeypatch.setattr(os, "fsync", real)
    assert list(puts) == [True, True]
    store.close()


@pytest.mark.parametrize(("fails_at", "left"), [(1, ["expiry/x"]), (5, ["audio.wav", "expiry/x"])])
def test_nothing_is_named_after_what_is_not_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, left: list[str]
) -> None:
    store = LocalStore(tmp_path)
    list(store.put_in_order(*((f"{key}-first", data) for key, data in PUTS)))
    monkeypatch.setattr(os, "fsync", _failing(fails_at, os.fsync))
    with pytest.raises(StoreFull, match="No space left"):
        list(store.put_in_order(*PUTS))
    assert [name for name in store.names() if not name.endswith("-first")] == left
    store.close()
    assert not (tmp_path / "tmp").exists() or list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("put", ["put_new", "put", "put_in_order"])
def test_bytes_that_did_not_come_to_rest_are_not_put_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: str
) -> None:
    """The system tells once that it could not write; asked again, it would say that nothing is left to do."""
    store = LocalStore(tmp_path)

    def deed(audio: Path) -> None:
        if put == "put_in_order":
            list(store.put_in_order(("marker", b"note"), ("audio.wav", audio)))
        else:
            getattr(store, put)("audio.wav", audio)

    with store.scratch() as audio:
        audio.write_bytes(b"audio")
        lost, real = audio.stat().st_ino, os.fsync

        def fsync(file: int) -> None:
            if os.fstat(file).st_ino == lost:
                raise OSError(errno.EIO, "Input/output error")
            real(file)

        with monkeypatch.context() as failing:
            failing.setattr(os, "fsync", fsync)
            with pytest.raises(Unavailable, match="Input/output"):
                deed(audio)
        with pytest.raises(Unavailable, match="did not come to rest"):
            deed(audio)
    assert "audio.wav" not in list(store.names())
    with store.scratch() as anew:
        anew.write_bytes(b"audio")
        deed(anew)
    assert store.get("audio.wav") == b"audio"
    store.close()


def _failing(number: int, real: Callable[[int], None]) -> Callable[[int], None]:
    """An fsync whose call of that number fails, of whatever it is."""
    calls: list[int] = []

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    return fsync
