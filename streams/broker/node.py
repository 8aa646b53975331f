"""One Kafka node in a directory: its ports, its identity, its properties, and its storage."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from streams.broker.artifacts import Runtime
from streams.broker.errors import BrokerError

HOST = "127.0.0.1"
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
PROPERTIES = "server.properties"

_FORMAT_SECONDS = 120
_STATE = "node.json"

# Relative, so that no character of the directory's name has to survive a properties file.
_LOG_DIR = "log"

_OF_THE_USERS_JAVA = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")


@dataclass(frozen=True)
class Node:
    """What a node is between two runs: its cluster's id, and the ports of the last run."""

    cluster_id: str
    port: int
    controller_port: int


@dataclass(frozen=True)
class Detour:
    """A second door for tests: clients that come in by `port` are told that the broker is at `advertised`, a proxy.

    `host`: where both are.
    """

    port: int
    advertised: int
    host: str = HOST


def prepare(directory: Path, port: int | None, detour: Detour | None = None) -> Node:
    """Return the directory's node with ports that are free now: `port`, or those of the last run, or any.

    Raises BrokerError when `port` is in use.
    """
    last = _remembered(directory)
    if port is not None and not is_free(port):
        raise BrokerError(f"Port {port} on {HOST} is in use: choose another one, or none to have one chosen.")
    taken = port or _free_port(last.port if last else 0)
    node = Node(
        cluster_id=last.cluster_id if last else _new_cluster_id(),
        port=taken,
        controller_port=_free_port(last.controller_port if last else 0, other_than=taken),
    )
    directory.joinpath(PROPERTIES).write_text(properties(node, detour))
    draft = directory / f"{_STATE}.tmp"
    draft.write_text(json.dumps(asdict(node)))
    draft.replace(directory / _STATE)
    return node


def format_storage(directory: Path, node: Node, runtime: Runtime, lock_fd: int) -> None:
    """Make the directory Kafka's own, unless it is; the tool inherits the lock on it.

    Raises BrokerError when that fails.
    """
    if (directory / _LOG_DIR / "meta.properties").exists():
        return
    # --ignore-formatted: a format that was cut short is made whole.
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"]
    arguments = [*tool, "-t", node.cluster_id, "-c", PROPERTIES]
    try:
        done = run_java(runtime, arguments, directory, _FORMAT_SECONDS, pass_fds=(lock_fd,))
    except subprocess.TimeoutExpired as error:
        raise BrokerError(f"Kafka's storage in {directory} was not formatted within {_FORMAT_SECONDS} s.") from error
    if done.returncode:
        raise BrokerError(
            f"Kafka's storage in {directory} could not be formatted:\n{(done.stdout + done.stderr)[-2000:]}"
        )


def properties(node: Node, detour: Detour | None = None) -> str:
    """Return the server.properties of a single node that listens on loopback only, but for a detour."""
    listeners = f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}"
    door = f",DETOUR://{detour.host}:{detour.port}" if detour else ""
    told = f",DETOUR://{detour.host}:{detour.advertised}" if detour else ""
    settings: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": listeners + door,
        "advertised.listeners": listeners + told,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{HOST}:{node.controller_port}",
        "log.dirs": _LOG_DIR,
        # After kill -9 the controller waits for the dead broker's session to end before it takes the new one.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # Of records that say nothing, for controllers that follow: there are none, and 500 ms keeps an idle disk awake.
        "metadata.max.idle.interval.ms": 10_000,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        # Kafka's 128 MiB would be half of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java(runtime: Runtime) -> list[str]:
    """Return the command line of Kafka's Java up to the class to run.

    A small heap and the first compiler alone: one machine's broker waits more than it computes.
    """
    memory = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
    leave_nothing_behind = ["-XX:-UsePerfData", "-Djava.io.tmpdir=tmp", "-XX:ErrorFile=java-error.log"]
    logs = [
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    ]
    return [str(runtime.java), *runtime.options, *memory, *leave_nothing_behind, *logs, "-cp", runtime.classpath]


def run_java(
    runtime: Runtime, arguments: Sequence[str], directory: Path, seconds: float, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Java in a data directory to its end. Raises OSError, and subprocess.TimeoutExpired after so many seconds."""
    return subprocess.run(
        [*java(runtime), *arguments],
        cwd=directory,
        env=java_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        pass_fds=pass_fds,
    )


def java_environment() -> dict[str, str]:
    """Return the environment for Kafka's Java: ours, without what is meant for other Java programs."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_USERS_JAVA}
    return {**kept, "LC_ALL": "C.UTF-8"}


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of the loopback address."""
    with socket.socket() as probe:
        # As Java does: a port that only a closed connection still holds is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(preferred: int, *, other_than: int = 0) -> int:
    if preferred and preferred != other_than and is_free(preferred):
        return preferred
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port != other_than:
            return port


def _remembered(directory: Path) -> Node | None:
    try:
        return Node(**json.loads(directory.joinpath(_STATE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise BrokerError(f"{directory / _STATE} is damaged: {error}") from error


def _new_cluster_id() -> str:
    # Any name will do, but Kafka's own base64 ids may begin with "-", which its tool takes for an option.
    return f"loa-{uuid4()}"
