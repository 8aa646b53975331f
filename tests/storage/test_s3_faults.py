"""An S3 server that refuses, is slow, or does what it was asked and does not get to say so."""

from __future__ import annotations

from pathlib import Path

import pytest
import stamina

from storage.errors import StoreFull, StoreRefused, Unavailable
from storage.files import metadata_key
from storage.opening import open_store
from storage.records import Record, sha256
from storage.store import Store
from tests.storage.conftest import OpenStore
from tests.storage.s3_proxy import S3Proxy
from tests.storage.servers import READER, READER_SECRET, S3, rclone
from tests.unit.storage.storage_fakes import World

ALL = 3


@pytest.fixture
def faulty(opened: OpenStore, proxy: S3Proxy) -> Store:
    """A store by way of the proxy."""
    return opened(proxy.endpoint)


def refusing(proxy: S3Proxy, status: int, times: int) -> None:
    """So many requests are answered with that status."""
    proxy.answer = lambda kind, key: status if proxy.refused < times else None


def test_a_lost_answer_to_a_new_name_is_no_other_writer(faulty: Store, store: Store, proxy: S3Proxy) -> None:
    proxy.lose = 1
    assert faulty.put_new("a", b"ours")
    assert proxy.lost == 1
    assert store.get("a") == b"ours"
    assert not faulty.put_new("a", b"ours"), "the same bytes by another deed"


def test_two_lost_answers_are_recognised_too(faulty: Store, proxy: S3Proxy) -> None:
    proxy.lose = 2
    assert faulty.put_new("a", b"ours")
    assert proxy.lost == 2


def test_a_lost_answer_to_a_swap_is_recognised(faulty: Store, proxy: S3Proxy) -> None:
    faulty.put_new("a", b"first")
    proxy.lose = 1
    assert faulty.swap("a", sha256(b"first"), b"second")
    assert proxy.lost == 1
    assert not faulty.swap("a", sha256(b"first"), b"second")


def test_a_name_that_another_took_stays_taken(faulty: Store, store: Store, proxy: S3Proxy) -> None:
    store.put_new("a", b"theirs")
    proxy.lose = 1
    assert not faulty.put_new("a", b"ours")
    assert store.get("a") == b"theirs"


@pytest.mark.parametrize("status", [500, 503])
def test_what_passes_is_sat_out(faulty: Store, proxy: S3Proxy, status: int) -> None:
    for deed in (lambda: faulty.put_new("a", b"x"), lambda: faulty.get("a"), lambda: list(faulty.names())):
        proxy.refused = 0
        refusing(proxy, status, 3)
        assert deed()
        assert proxy.refused == 3
    proxy.refused = 0
    refusing(proxy, status, 3)
    faulty.delete("a")
    assert list(faulty.names()) == []


def test_a_server_that_wrote_and_answered_500_has_written(faulty: Store, store: Store, proxy: S3Proxy) -> None:
    real = proxy._asked
    answers = iter([500])

    def asked(*arguments):
        status, headers, data = real(*arguments)
        return next(answers, status), headers, data

    proxy._asked = asked  # type: ignore[method-assign]
    assert faulty.put_new("a", b"ours")
    assert store.get("a") == b"ours"


def test_what_does_not_pass_is_told_as_unavailable(faulty: Store, proxy: S3Proxy) -> None:
    refusing(proxy, 503, 1_000_000)
    with stamina.set_testing(True, attempts=1), pytest.raises(Unavailable, match="503"):
        faulty.put_new("a", b"x")


def test_a_full_store_is_full(faulty: Store, proxy: S3Proxy) -> None:
    refusing(proxy, 507, 1_000_000)
    with pytest.raises(StoreFull, match="507"):
        faulty.put_new("a", b"x")


def test_a_slow_server_is_waited_for(faulty: Store, proxy: S3Proxy) -> None:
    proxy.delay = 0.3
    assert faulty.put_new("a", b"x")
    assert faulty.get("a") == b"x"


@pytest.mark.parametrize("lose", [0, 1, 2, ALL])
def test_a_file_is_committed_once_whatever_answer_is_lost(
    faulty: Store, store: Store, proxy: S3Proxy, tmp_path: Path, lose: int
) -> None:
    """Marker, audio, record: each of the three answers is lost in turn, and then all."""
    world, seen = World(faulty, tmp_path), []

    def answer(kind: str, key: str) -> None:
        if kind == "put":
            seen.append(key)
            proxy.lose = int(seen.count(key) == 1 if lose == ALL else len(seen) == lose + 1)

    proxy.answer = answer
    stored, ours = world.files().put_once(world.record(b"audio"), world.audio(b"audio"))
    assert ours
    assert isinstance(stored, Record)
    assert proxy.lost == (3 if lose == ALL else 1)
    assert World(store, tmp_path).files().verify(stored)
    assert len(world.audios()) == len(world.markers()) == 1
    assert store.get(metadata_key(stored.file_id)) == stored.to_bytes()


def test_a_server_that_ignores_conditions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rclone(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        store = open_store(server.new_folder())
        with pytest.raises(StoreRefused, match="the store does not refuse a name that is taken"):
            store.probe()
        store.close()


def test_who_may_only_read_is_refused(opened: OpenStore, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER_SECRET)
    reader = open_store(s3.new_folder())
    with pytest.raises(StoreRefused, match=rf"s3://{s3.bucket}/.*access denied.*allow get, put, delete and list"):
        reader.probe()
    reader.close()


def test_a_bucket_that_is_not_there_is_refused(opened: OpenStore) -> None:
    with pytest.raises(StoreRefused, match="s3://nobody-has-this/x: there is no such bucket"):
        opened(place="s3://nobody-has-this/x").probe()
