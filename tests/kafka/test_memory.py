"""Memory does not grow with the work: not with the number of requests, not with the length of a text."""

from __future__ import annotations

from pathlib import Path

import psutil
import soundfile

from tests.kafka.installation import Installation

WORKER_MEBIBYTES, ENGINE_MEBIBYTES = 350, 400
WORDS = ["river", "morning", "garden", "silver", "window", "paper", "summer", "yellow", "market", "winter"]
SLOWEST_WORDS_A_SECOND, FASTEST_WORDS_A_SECOND = 1.0, 6.0


def peak(process: psutil.Process) -> float:
    """The most memory it ever had resident, in MiB, as Linux counts."""
    with Path(f"/proc/{process.pid}/status").open() as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


async def test_a_hundred_requests_and_two_thousand_words(loa: Installation) -> None:
    loa.more = {"TTS_MODELS": "hibari,tone"}
    worker = await loa.worker()
    text = " ".join(WORDS[number % len(WORDS)] for number in range(2_000))
    tones = [{"text": f"Request {number}. " * 50, "model": "tone"} for number in range(100)]
    await loa.produce({"request_id": "endless", "text": text, "speed": 4}, *tones)
    async with loa.reader("completed", "failed") as reader:
        (endless,) = (await reader.answered("endless"))["endless"]
        await loa.settled()
        await reader.to_end()
        assert len(reader.of("completed")) == 101
    info = soundfile.info(endless["file_path"])
    assert endless["chunks"] > 10 and endless["characters"] == len(text)
    assert 2_000 / FASTEST_WORDS_A_SECOND <= info.duration * 4 <= 2_000 / SLOWEST_WORDS_A_SECOND, "spoken whole"
    assert peak(psutil.Process(worker.popen.pid)) < WORKER_MEBIBYTES
    engines = worker.children()
    assert engines and max(map(peak, engines)) < ENGINE_MEBIBYTES
