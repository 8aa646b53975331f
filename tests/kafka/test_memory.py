"""Memory does not grow with the work: not with the number of requests, not with the length of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest
import soundfile

from tests.kafka.installation import Installation

WORKER_MEBIBYTES, ENGINE_MEBIBYTES = 350, 400
WORDS = ["river", "morning", "garden", "silver", "window", "paper", "summer", "yellow", "market", "winter"]
SPEED = 4


def peak(process: psutil.Process) -> float:
    """The most memory it ever had resident, in MiB, as Linux counts."""
    with Path(f"/proc/{process.pid}/status").open() as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def endless(request_id: str, count: int) -> dict[str, Any]:
    """So many words, and nowhere a place to take a breath."""
    text = " ".join(WORDS[number % len(WORDS)] for number in range(count))
    return {"request_id": request_id, "text": text, "speed": SPEED}


async def test_a_hundred_requests_and_two_thousand_words(loa: Installation) -> None:
    loa.more, loa.zygote = {"TTS_MODELS": "hibari,tone"}, None  # what it imports by itself is what counts
    worker = await loa.worker()
    tones = [{"text": f"Request {number}. " * 50, "model": "tone"} for number in range(100)]
    await loa.produce(endless("endless", 2_000), endless("tenth", 200), *tones)
    async with loa.reader("completed", "failed") as reader:
        outcomes = await reader.answered("endless", "tenth")
        await loa.settled()
        await reader.to_end()
        assert len(reader.of("completed")) == 102
    (whole,), (tenth,) = outcomes["endless"], outcomes["tenth"]
    assert whole["chunks"] > 10
    assert soundfile.info(whole["file_path"]).duration == pytest.approx(whole["duration_seconds"], abs=0.001)
    # The same ten words over and over: with no word lost it takes ten times as long, give or take a chunk's pause.
    assert whole["duration_seconds"] / tenth["duration_seconds"] == pytest.approx(10, rel=0.03)
    assert peak(psutil.Process(worker.popen.pid)) < WORKER_MEBIBYTES
    engines = worker.children()
    assert engines and max(map(peak, engines)) < ENGINE_MEBIBYTES
