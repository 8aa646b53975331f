"""`loa` commands made by fork from a process that has imported everything: a start saves seconds of processor time.

`python -m tests.kafka.zygote` takes orders, one JSON object a line, on standard input, and reports starts and ends on
standard output. A forked command is a process like any other: killed, frozen, and ended on its own. When standard input
closes, whatever still runs is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
PRELOADED = (
    "streams.cli",
    "streams.worker",
    "streams.machine",
    "streams.gateway.server",
    "streams.readers.webhooks.service",
)
PRELOADED += ("models.audio", "tests.faults.injected")
START_SECONDS = 120.0


class Child:
    """A forked process, with what `subprocess.Popen` offers for one."""

    def __init__(self, pid: int, ended: threading.Condition, statuses: Mapping[int, int]) -> None:
        self.pid = pid
        self._ended, self._statuses = ended, statuses

    @property
    def returncode(self) -> int | None:
        return self._statuses.get(self.pid)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._ended:
            if not self._ended.wait_for(lambda: self.pid in self._statuses, timeout):
                raise subprocess.TimeoutExpired("a forked command", timeout or 0)
            return self._statuses[self.pid]

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Zygote:
    """The process that forks; `close` ends it, and whatever it has forked."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._statuses: dict[int, int] = {}
        self._started: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka.zygote"],
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, name="zygote", daemon=True)
        self._listener.start()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], cwd: Path, out: Path, err: Path) -> Child:
        """Fork a `loa` command."""
        out.touch()
        err.touch()
        order = {"arguments": arguments, "env": environment, "cwd": str(cwd), "out": str(out), "err": str(err)}
        assert self._process.stdin
        with self._changed:
            before = len(self._started)
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            there = self._changed.wait_for(lambda: len(self._started) > before, START_SECONDS)
            assert there, f"no process was forked; the zygote has ended with {self._process.poll()}"
            return Child(self._started[before], self._changed, self._statuses)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            report = orjson.loads(line)
            with self._changed:
                if "started" in report:
                    self._statuses.pop(report["started"], None)
                    self._started.append(report["started"])
                else:
                    self._statuses[report["ended"]] = report["status"]
                self._changed.notify_all()


def serve() -> dict[str, Any] | None:
    """Fork as ordered. Returns the order in a forked process, and None in the zygote when its input ends."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    orders = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if woken in ready:
                os.read(woken, 4096)
                _reap(children)
            if 0 in ready:
                data = os.read(0, 1 << 16)
                if not data:
                    _end(children)
                    return None
                *lines, orders = (orders + data).split(b"\n")
                for line in lines:
                    pid = os.fork()
                    if not pid:
                        signal.set_wakeup_fd(-1)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        return dict(orjson.loads(line))
                    children.add(pid)
                    _report({"started": pid})


def _reap(children: set[int]) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            children.discard(pid)
            _report({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _end(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _report(report: Mapping[str, int]) -> None:
    os.write(1, orjson.dumps(report) + b"\n")


def run(order: Mapping[str, Any]) -> None:
    """Become the ordered `loa` command: its own session, environment, folder and files; nothing else of the zygote."""
    from streams.cli import main
    from tests.faults import injected

    os.setsid()
    os.chdir(order["cwd"])
    for number, (path, flags) in enumerate(
        [(os.devnull, os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY)]
    ):
        descriptor = os.open(path, flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(order["env"])
    tempfile.tempdir = None  # it was found by the zygote's environment
    sys.argv = ["loa", *order["arguments"]]
    injected.apply(os.environ.get(injected.VARIABLE, ""))
    main()


def preload() -> None:
    """Import what a worker imports, and read the language model, which workers then share."""
    import importlib

    from models.language import LanguageDetector

    for module in PRELOADED:
        importlib.import_module(module)
    LanguageDetector().load()


if __name__ == "__main__":
    preload()
    ordered = serve()
    if ordered is not None:
        run(ordered)
