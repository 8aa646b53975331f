"""Writers that are killed while they write, and sweepers beside living ones, as separate processes."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.local import LocalStore

Start = Callable[..., subprocess.Popen[str]]

HOLD = """
import sys
from storage.local import LocalStore
store = LocalStore(sys.argv[1])
with store.scratch() as path:
    path.write_bytes(b"half")
    print(path, flush=True)
    sys.stdin.read()
"""

WRITE = """
import sys
from storage.local import LocalStore
store = LocalStore(sys.argv[1])
print("ready", flush=True)
for k in range(1000000):
    store.put_new(f"a/{k % 7}/{sys.argv[2]}-{k}", sys.argv[2].encode() * 50000)
    store.put(f"b/{k % 7}", sys.argv[2].encode() * 50000)
"""

CHURN = """
import sys
from storage.local import LocalStore
store = LocalStore(sys.argv[1])
for k in range(60):
    with store.scratch() as path:
        path.write_bytes(b"x")
        assert store.put_new(f"c/{sys.argv[2]}/{k}", path)
    store.sweep()
    store.close()
"""

FORK = """
import os, sys
from storage.local import LocalStore
store = LocalStore(sys.argv[1])
assert list(store.put_in_order(("a", b"x"), ("b/c", b"x"))) == [True, True]
with store.scratch() as mine:
    mine.write_bytes(b"parent")
    child = os.fork()
    if not child:
        with store.scratch() as path:
            path.write_bytes(b"child")
            assert path.parent != mine.parent
            assert store.sweep() == 0
        assert list(store.put_in_order(("c", b"x"), ("d/e", b"x"))) == [True, True], "in threads of its own"
        store.delete("a", "b/c", "c", "d/e")
        store.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert LocalStore(sys.argv[1]).sweep() == 0
    assert mine.read_bytes() == b"parent"
store.close()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_killed_writers_files_are_swept_and_a_living_ones_are_not(start: Start, tmp_path: Path) -> None:
    dead, living = start(HOLD), start(HOLD)
    assert dead.stdout is not None
    assert living.stdout is not None
    left, kept = Path(dead.stdout.readline().strip()), Path(living.stdout.readline().strip())
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    assert left.exists()
    assert LocalStore(tmp_path).sweep() == 1
    assert not left.parent.exists()
    assert kept.exists()
    living.communicate()
    assert living.returncode == 0


def test_kill_9_in_the_middle_of_writing_leaves_only_whole_files(start: Start, tmp_path: Path) -> None:
    writers = [start(WRITE, name) for name in "xyz"]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    store = LocalStore(tmp_path)
    while sum(1 for _ in store.names()) < 200:
        os.sched_yield()
    for writer in writers:
        writer.kill()
        writer.wait()
    store.sweep()
    assert [name for name in files_under(tmp_path) if name.startswith("tmp/")] == []
    for key in store.names():
        data = store.get(key)
        assert hashlib.sha256(data).digest() == hashlib.sha256(data[:1] * 50000).digest(), key


def test_writers_that_come_and_go_and_sweepers_do_not_disturb_each_other(start: Start, tmp_path: Path) -> None:
    processes = [start(CHURN, str(k)) for k in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len(list(LocalStore(tmp_path).names("c/"))) == 240
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_fork_leaves_its_parents_files_alone(start: Start, tmp_path: Path) -> None:
    assert start(FORK).wait() == 0
    assert files_under(tmp_path) == []
