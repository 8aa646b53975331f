"""Clients in other languages, as examples/ has them, beside a real broker and a worker."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.conftest import NewLoa
from tests.node import Node

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(EXAMPLES / "node", tmp_path_factory.mktemp("node"))


async def test_node_speaks_and_verifies_the_audio(node: Node, new_loa: NewLoa, tmp_path: Path) -> None:
    loa = new_loa(TTS_MODELS="espeak")
    await loa.worker()

    async def speak(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        names = {"TTS_TOPIC_PREFIX": loa.name}
        done = await asyncio.to_thread(node.run, "speak.js", loa.kafka.bootstrap, *arguments, more=names)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    status, event = await speak("Hello from Node.", tmp_path / "hello.flac")
    assert (status, event["metadata"]) == (0, {"from": "speak.js"})
    assert hashlib.sha256((tmp_path / "hello.flac").read_bytes()).hexdigest() == event["sha256"]
    status, event = await speak("")
    assert (status, event["code"]) == (1, "invalid_request")
