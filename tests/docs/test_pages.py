"""The quick start and how-tos: every command is run, to the letter but for ports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.terminal import Terminal
from tests.documents.blocks import ROOT, blocks
from tests.storage.servers import S3, free_ports

NewTerminal = Callable[..., Terminal]
KAFKA, HTTP, S3_SERVER = 9092, 8080, 8333

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def new_terminal(tmp_path: Path) -> Iterator[NewTerminal]:
    """Makes terminals; `ports` of the page besides those of `loa up`, and what is used instead."""
    with ExitStack() as stack:

        def make(ports: dict[int, int] | None = None) -> Terminal:
            kafka, http = free_ports(2)
            made = Terminal(tmp_path, {KAFKA: kafka, HTTP: http, **(ports or {})})
            stack.callback(made.stop)
            return made

        yield make


def read(terminal: Terminal, *pages: str) -> list[str]:
    """Do what the pages say; returns what was left out, since a program is missing."""
    left = []
    for block in (block for page in pages for block in blocks(ROOT / page)):
        if block.needs and not shutil.which(block.needs):
            left.append(f"{block}: there is no {block.needs} here")
        elif not block.not_run:
            terminal.run(block)
    return left


ON_ONE_MACHINE = ("docs/quickstart.md", *(f"docs/howto/{name}.md" for name in ("kafka", "http", "vietnamese", "audit")))
"""All of them need the `loa up` of the first."""


def test_the_quick_start_and_what_follows_it(new_terminal: NewTerminal) -> None:
    terminal = new_terminal()
    left = read(terminal, *ON_ONE_MACHINE)
    made = {path.name: path.read_bytes()[:4] for path in terminal.folder.iterdir() if path.is_file()}
    assert {made[name] for name in ("hello.wav", "morning.wav", "left.wav", "one.wav", "two.wav")} == {b"RIFF"}
    assert (made["train.flac"], made["xin-chao.opus"], made["completed.json"][:1]) == (b"fLaC", b"OggS", b"{")
    terminal.stop()
    if left:
        pytest.skip(f"all was run but {left}")


def test_s3(new_terminal: NewTerminal, s3: S3) -> None:
    terminal = new_terminal({S3_SERVER: int(s3.endpoint.rpartition(":")[2])})
    assert read(terminal, "docs/howto/s3.md") == []
    assert (terminal.folder / "s3.wav").read_bytes()[:4] == b"RIFF"
    assert (terminal.folder / "bucket.flac").read_bytes()[:4] == b"fLaC"
    assert not (terminal.folder / "storage/audio/metadata").exists()
    terminal.stop()


def test_a_command_that_fails_would_be_found(new_terminal: NewTerminal) -> None:
    page = ROOT / "docs/quickstart.md"
    block = next(block for block in blocks(page) if "speak.py" in block.text)
    with pytest.raises(AssertionError, match="KafkaConnectionError"):
        new_terminal().run(block)  # nothing has been started
