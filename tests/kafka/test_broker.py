"""The embedded broker against a real Kafka: it keeps its data, minds its ports, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.broker import MAX_MESSAGE_BYTES, BrokerError, EmbeddedBroker
from streams.broker.artifacts import Runtime, runtime
from streams.broker.learned import NOTES, learn, prepared
from streams.broker.node import java, java_environment
from tests.kafka.log import LONG_SECONDS, Kafka
from tests.kafka.processes import until
from tests.shared import Broker, Servers

Maker = Callable[..., EmbeddedBroker]

OWNER = """
import sys
from pathlib import Path
from streams.broker import EmbeddedBroker
with EmbeddedBroker(Path(sys.argv[1])) as broker:
    print(broker.bootstrap, broker.process_group, flush=True)
    sys.stdin.read()
"""


def members(group: int) -> list[psutil.Process]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + LONG_SECONDS
    while not condition():
        assert time.monotonic() < give_up, f"not within {LONG_SECONDS} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def running(servers: Servers, run_folder: Path) -> Broker:
    """The broker of all tests that leave theirs alone."""
    return servers.kafka(run_folder)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A process that started a broker on tmp_path/kafka: the process, its bootstrap, the broker's process group."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "kafka")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        bootstrap, group = process.stdout.readline().split()
        yield process, bootstrap, int(group)
        process.kill()


async def test_records_and_groups_work(kafka: Kafka, prefix: str) -> None:
    await kafka.create_topic(prefix)
    await kafka.produce(prefix, b"one", b"two")
    assert [record.value for record in await kafka.read(prefix, 2)] == [b"one", b"two"]
    assert await kafka.committed(prefix) == {}


def test_java_takes_what_it_has_learned(tmp_path: Path) -> None:
    """A start that needs it succeeds; one with what belongs to another Kafka's jars would not."""
    with EmbeddedBroker(tmp_path):
        pass
    known = prepared(runtime())
    assert any("SharedArchiveFile" in option for option in known.options)

    def starts(classpath: str) -> bool:
        command = [*java(known)[:-1], classpath, "-Xshare:on", "-version"]
        return subprocess.run(command, env=java_environment(), capture_output=True, check=False).returncode == 0

    assert starts(known.classpath)
    assert not starts("another.jar")


def noted(tmp_path: Path) -> tuple[Runtime, Path]:
    """A Java that cannot learn, and the directory of a run of which it took notes."""
    (jar := tmp_path / "kafka.jar").touch()
    os.utime(jar, (0, 0))
    (tmp_path / NOTES).parent.mkdir()
    (tmp_path / NOTES).touch()
    return Runtime(Path("/bin/false"), (jar,)), tmp_path


def test_a_java_that_learns_nothing_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    unable, folder = noted(tmp_path)
    assert prepared(unable).options
    learn(unable, folder)
    assert prepared(unable) == unable


def test_where_nothing_can_be_kept_every_run_takes_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    unable, folder = noted(tmp_path)
    learn(unable, folder)
    assert prepared(unable).options


async def test_a_text_of_a_megabyte_passes(kafka: Kafka, prefix: str) -> None:
    text = os.urandom(1_000_000)
    await kafka.create_topic(prefix)
    await kafka.produce(prefix, text)
    assert [record.value for record in await kafka.read(prefix, 1)] == [text]
    assert len(text) < MAX_MESSAGE_BYTES


async def test_topics_are_not_made_by_themselves(kafka: Kafka, prefix: str) -> None:
    with pytest.raises(TimeoutError):
        await kafka.read(prefix, 1, seconds=1)


def test_only_loopback_is_bound(running: Broker) -> None:
    bound = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in members(running.process_group)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert bound == {"127.0.0.1"}


async def test_data_survives_a_restart_on_other_ports(new_broker: Maker) -> None:
    with new_broker() as broker:
        kafka = Kafka(broker.bootstrap)
        before = broker.bootstrap
        await kafka.create_topic("kept")
        await kafka.produce("kept", b"one")
    with socket.create_server(("127.0.0.1", int(before.rpartition(":")[2]))), new_broker() as broker:
        assert broker.bootstrap != before
        assert [record.value for record in await Kafka(broker.bootstrap).read("kept", 1)] == [b"one"]
        group = broker.process_group
    assert members(group) == []


async def test_the_same_port_after_kill_minus_nine(new_broker: Maker) -> None:
    broker = new_broker().start()
    before, group = broker.bootstrap, broker.process_group
    await Kafka(broker.bootstrap).create_topic("kept")
    await Kafka(broker.bootstrap).produce("kept", b"one")
    broker.kill()
    await until(lambda: members(group) == [], "the end of Java")
    broker.start()
    assert broker.bootstrap == before
    assert [record.value for record in await Kafka(broker.bootstrap).read("kept", 1)] == [b"one"]


def test_a_second_start_on_a_data_directory_is_refused(running: Broker, new_broker: Maker) -> None:
    with pytest.raises(BrokerError, match=f"in use by process {running.owner}"):
        new_broker(running.data_dir).start()


def test_a_port_in_use_is_named(new_broker: Maker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"Port {port} on 127.0.0.1 is in use"):
            new_broker(port=port).start()


def test_nothing_is_left_when_the_owner_is_killed(
    owner: tuple[subprocess.Popen[str], str, int], new_broker: Maker
) -> None:
    process, _, group = owner
    assert "java" in {member.name() for member in members(group)}
    process.kill()
    process.wait()
    # At once, while the old broker is still stopping: the new one waits for it.
    with new_broker() as broker:
        assert members(group) == []
        assert "shut down" in (broker.data_dir / "broker.log").read_text()


def test_nothing_is_left_when_the_guardian_is_killed(owner: tuple[subprocess.Popen[str], str, int]) -> None:
    _, _, group = owner
    os.kill(group, signal.SIGKILL)
    wait_until(lambda: not members(group), "the end of Java")


def test_ctrl_c_in_the_terminal_does_not_reach_the_broker(owner: tuple[subprocess.Popen[str], str, int]) -> None:
    process, _, group = owner
    assert os.getsid(group) != os.getsid(process.pid)
    os.killpg(group, signal.SIGINT)


def test_a_broker_that_ends_is_reported_with_its_log(new_broker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.broker.node.MAX_MESSAGE_BYTES", "many")
    with pytest.raises(BrokerError, match="Invalid value many"):
        new_broker().start()
