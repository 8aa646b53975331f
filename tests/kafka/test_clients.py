"""Clients in several languages, as examples/ has them, beside a real broker and a worker."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kafka import clients
from tests.kafka.conftest import NewLoa


@pytest.fixture(params=clients.CLIENTS, ids=lambda made: made.__name__)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> clients.Command:
    folder = tmp_path / "client"
    folder.mkdir()
    made: clients.Command = request.param(folder)
    return made


@pytest.mark.timeout(600)  # the first time, packages of a language are fetched, and compiled
async def test_a_client_speaks_and_verifies_the_audio(client: clients.Command, new_loa: NewLoa, tmp_path: Path) -> None:
    loa = new_loa(TTS_MODELS="espeak", TTS_MAX_INLINE_BYTES="200000")
    await loa.worker()

    async def speak(text: str, *file: str) -> tuple[int, str, dict[str, Any]]:
        command = client(loa.kafka.bootstrap, text, *file)
        status, printed, said = await asyncio.to_thread(clients.run, command, loa.name)
        return status, said, json.loads(printed)

    status, said, event = await speak("Hello from a client.", str(tmp_path / "hello"))
    assert (status, said) == (0, "")
    assert event["text_sha256"] == hashlib.sha256(b"Hello from a client.").hexdigest()
    assert hashlib.sha256((tmp_path / "hello").read_bytes()).hexdigest() == event["sha256"]
    assert event["file_size"] == (tmp_path / "hello").stat().st_size
    assert event["metadata"]["from"]

    status, _, event = await speak("[99] Nobody speaks so.")
    assert (status, event["code"]) == (1, "unknown_voice")

    status, said, event = await speak("This is longer than an event may be. " * 20)
    assert status == 0
    assert f"it is at {event['file_path']}" in said
