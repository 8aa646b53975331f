import errno
import os
import stat
from pathlib import Path

import pytest

from storage.errors import BadKey, NotFound, StoreFull, StoreRefused, Unavailable, translated
from storage.local import LocalStore


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "new")
    assert list(store.names()) == []
    assert store.sweep() == 0
    store.close()
    assert not (tmp_path / "new").exists()


def test_a_normal_run_leaves_no_temporary_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_new("a/b", b"x")
    store.put_new("a/b", b"y")
    store.put("a/c", b"z")
    with store.scratch() as path:
        path.write_bytes(b"audio")
        store.put_new("a.wav", path)
    assert [name for name in files_under(tmp_path) if not name.endswith(".lock")] == ["a.wav", "a/b", "a/c"]
    store.close()
    store.close()
    assert files_under(tmp_path) == ["a.wav", "a/b", "a/c"]


def test_a_scratch_file_is_linked_not_copied(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with store.scratch() as path:
        path.write_bytes(b"audio")
        store.put_new("a.wav", path)
        assert path.samefile(tmp_path / "a.wav")
    store.close()


def test_folders_go_with_the_last_that_they_held(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_new("a/x/1", b"")
    store.put_new("a/x/2", b"")
    store.delete("a/x/1")
    assert list(store.folders()) == ["a"]
    store.delete("a/x/2")
    assert list(store.folders()) == []
    assert not (tmp_path / "a").exists()
    store.close()


def test_url_is_the_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert LocalStore("data").url("a/b") == str(tmp_path / "data/a/b")


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    before = os.umask(0o022)
    try:
        store.put_new("a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644
    store.close()


def test_a_swept_folder_is_no_sign_of_a_living_one(tmp_path: Path) -> None:
    dead, living = LocalStore(tmp_path), LocalStore(tmp_path)
    with living.scratch() as path:
        path.write_bytes(b"in the making")
        folder = dead._scratch.folder()
        (folder / "0").write_bytes(b"half")
        assert living.sweep() == 0
        os.close(dead._scratch._lock)  # as the kernel does when the process ends
        assert living.sweep() == 1
        assert not folder.exists()
        assert path.exists()
    living.close()
    assert files_under(tmp_path) == []


@pytest.mark.parametrize("left", ["folder", "lock"])
def test_what_a_power_loss_left_of_a_writer_is_swept(tmp_path: Path, left: str) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / "tmp/w-1").mkdir(parents=True)
    (tmp_path / "tmp/w-1/0").write_bytes(b"half")
    if left == "lock":
        (tmp_path / "tmp/w-1.lock").touch()
        (tmp_path / "tmp/w-1/0").unlink()
        (tmp_path / "tmp/w-1").rmdir()
    assert store.sweep() == (left == "folder")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EACCES, StoreRefused), (errno.EROFS, StoreRefused),
        (errno.EIO, Unavailable), (errno.EMFILE, Unavailable), (errno.ENOENT, NotFound),
    ],
)  # fmt: skip
def test_errors_are_translated(
    number: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind, match="a/b"), translated("a/b"):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for deed in (store.put_new, store.put):
            with pytest.raises(StoreFull, match="No space left"):
                deed("a", b"x")
    assert list(store.names()) == []
    assert store.put_new("a", b"x")
    store.close()
    assert files_under(tmp_path) == ["a"]


def test_a_folder_that_keeps_vanishing_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    monkeypatch.setattr(store, "_made", lambda folder: [folder])
    with pytest.raises(Unavailable, match="vanishes"):
        store.put_new("a/b", b"x")
    store.close()


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    with pytest.raises(BadKey):
        LocalStore(tmp_path).get("a/../../etc/passwd")


def test_every_new_folder_is_made_durable_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path / "root")
    synced: list[str] = []
    real = os.fsync

    def noting(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        real(file)

    monkeypatch.setattr(os, "fsync", noting)
    store.put_new("a/b/c", b"x")
    folders = [str(tmp_path), str(tmp_path / "root"), str(tmp_path / "root/a"), str(tmp_path / "root/a/b")]
    assert sorted(name for name in synced if name in folders) == folders
    synced.clear()
    store.put_new("a/b/d", b"x")
    assert len(synced) == 2
    assert synced[1] == folders[-1]
    store.close()


def test_a_folder_that_vanishes_when_it_is_looked_at_is_no_key_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another makes it first, and removes it again: nothing has the name, and nobody may be told so."""
    store, mkdir, raced = LocalStore(tmp_path), os.mkdir, []

    def first_by_another(path: Path, mode: int = 0o777) -> None:
        if Path(path) == tmp_path / "a" and not raced:
            raced.append(path)
            raise FileExistsError(errno.EEXIST, "made by another, and gone", str(path))
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", first_by_another)
    assert store.put_new("a/b", b"x") is True
    assert raced and store.get("a/b") == b"x"
    store.close()
