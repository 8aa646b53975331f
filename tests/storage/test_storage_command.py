"""`loa storage`: from a directory to S3 and back, and a look through a bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from storage.expiry import Marker
from storage.local import LocalStore
from storage.records import Record
from storage.store import Store
from streams.cli import app
from streams.readers.bookmark import BookmarkError
from tests.storage.conftest import OpenStore
from tests.unit.storage.storage_fakes import World

FILES = 12


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(LocalStore(tmp_path / "here"), tmp_path)
    for number in range(FILES):
        made.speak(b"audio %d" % number * 1000, request_id=f"r{number}")
    return made


def loa(*arguments: str) -> tuple[int, list[dict]]:
    result = CliRunner().invoke(app, ["storage", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, [orjson.loads(line) for line in result.stdout.splitlines()]


def content(store: Store) -> dict[str, bytes]:
    return {key: store.get(key) for key in store.names()}


def test_there_and_back(world: World, opened: OpenStore, tmp_path: Path) -> None:
    bucket = opened()
    address = bucket.url("x").removesuffix("/x")
    status, (told,) = loa("copy", str(tmp_path / "here"), address)
    assert (status, told["copied"], told["there"], told["conflict"]) == (0, 3 * FILES, 0, 0)
    assert content(bucket) == content(world.store)
    record = World(bucket, tmp_path).files().find(world.record(request_id="r3").file_id)
    assert isinstance(record, Record)
    assert World(bucket, tmp_path).files().verify(record)

    status, (told,) = loa("copy", str(tmp_path / "here"), address)
    assert (status, told["copied"], told["there"], told["bytes"]) == (0, 0, 3 * FILES, 0)

    status, (told,) = loa("copy", address, str(tmp_path / "back"), "--threads", "3")
    assert (status, told["copied"]) == (0, 3 * FILES)
    assert content(LocalStore(tmp_path / "back")) == content(world.store)


def test_a_conflict_is_told_and_the_rest_is_copied(world: World, opened: OpenStore, tmp_path: Path) -> None:
    bucket = opened()
    name = f"{world.record(request_id='r5').file_id}.wav"
    bucket.put_new(name, b"somebody else's")
    status, (conflict, *more) = loa("copy", str(tmp_path / "here"), bucket.url("x").removesuffix("/x"))
    assert status == 1
    assert (conflict["key"], conflict["outcome"]) == (name, "conflict")
    assert more[-1]["copied"] == 3 * FILES - 2, "neither that audio nor its record"
    assert bucket.get(name) == b"somebody else's"


@pytest.mark.parametrize("target", ["ftp://x/y", "s3://", "s3://key:secret@bucket/x", "here/../here"])
def test_a_wrong_place_is_refused(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["storage", "copy", str(tmp_path / "here"), target]).exit_code == 2


def test_a_bucket_is_looked_through(opened: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = opened()
    monkeypatch.setenv("TTS_STORAGE_DIR", bucket.url("x").removesuffix("/x"))
    world = World(bucket, tmp_path)
    world.now = datetime.now(UTC)
    for number in range(4):
        world.speak(b"audio", request_id=f"r{number}")
    assert loa("check") == (0, [{"done": True, "looked_at": 4, "after": None, "findings": {}, "repaired": {}}])
    name = world.record(request_id="r2").file_id
    bucket.delete(f"{name}.wav")
    status, (found, told) = loa("check")
    assert (status, found["kind"], found["file"], found["repaired"]) == (1, "audio_missing", name, False)
    assert told["findings"] == {"audio_missing": 1}
    shards = [loa("check", "--shard", digit)[1] for digit in "0123456789abcdef"]
    assert sum(told["looked_at"] for *_, told in shards) == 4
    assert [digit for digit, (*found, _) in zip("0123456789abcdef", shards, strict=True) if found] == [name[0]]


def test_a_bucket_is_looked_through_in_stretches(
    opened: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened()
    monkeypatch.setenv("TTS_STORAGE_DIR", bucket.url("x").removesuffix("/x"))
    world = World(bucket, tmp_path)
    world.now = datetime.now(UTC)
    names = sorted(world.speak(b"audio", request_id=f"r{number}").file_id for number in range(5))
    bucket.delete(*(f"{name}.wav" for name in names))
    bookmark = tmp_path / "bookmark"
    stretches = [loa("check", "--limit", "2", "--resume", str(bookmark)) for _ in range(3)]
    assert [[line["file"] for line in lines[:-1]] for _, lines in stretches] == [names[:2], names[2:4], names[4:]]
    assert [(lines[-1]["done"], lines[-1]["after"]) for _, lines in stretches] == [
        (False, names[1]),
        (False, names[3]),
        (True, None),
    ]
    assert not bookmark.exists(), "the next one begins at the beginning"
    loa("check", "--limit", "2", "--resume", str(bookmark))
    with pytest.raises(BookmarkError, match="is not of"):
        loa("check", "--resume", str(bookmark), "--shard", "a")
    bookmark.write_text("no bookmark")
    with pytest.raises(BookmarkError, match="cannot be read"):
        loa("check", "--resume", str(bookmark))


@pytest.mark.parametrize("digit", ["g", "01", "A"])
def test_a_shard_is_a_hex_digit(digit: str) -> None:
    assert CliRunner().invoke(app, ["storage", "check", "--shard", digit]).exit_code == 2


def test_a_bucket_is_mended_beside_its_index(
    opened: OpenStore, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened()
    monkeypatch.setenv("TTS_STORAGE_DIR", bucket.url("x").removesuffix("/x"))
    monkeypatch.setenv("TTS_DATABASE_URL", database_url)
    world = World(bucket, tmp_path)
    world.now = datetime.now(UTC)
    unmarked, unheard, *_ = (world.speak(b"audio", request_id=f"r{number}") for number in range(4))
    assert isinstance(unmarked, Record)
    bucket.delete(Marker.at(unmarked.expires_at, unmarked.file_id).key, f"{unheard.file_id}.wav")
    arguments = ("check", "--index", "--grace", "0", "--repair")
    status, (*found, told) = loa(*arguments)
    assert (status, told["findings"]) == (1, {"marker_missing": 1, "audio_missing": 1, "not_indexed": 4})
    assert told["repaired"] == {"marker_missing": 1, "not_indexed": 4}
    assert [line["kind"] for line in found if not line["repaired"]] == ["audio_missing"]
    status, (found, told) = loa(*arguments)
    assert (status, found["kind"], told["repaired"]) == (1, "audio_missing", {})
