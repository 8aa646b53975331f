"""What it costs to keep the spoken chunks of a long text, beside speaking them.

make bench-keeping
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from common import Figures, arguments, measured, pairs
from texts import texts

from models.engine import Piece
from models.hibari import Hibari
from models.speech import Speech
from storage.local import LocalStore
from storage.parts import PartFolder, SpokenParts

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # as the worker does for its engines


def chunks(count: int) -> list[Piece]:
    """As long as the engine takes, as those of a long text are."""
    longest = sorted((text for text in texts(400, seed=5) if len(text) <= Hibari.max_characters), key=len)[-count:]
    return [Piece(text, "heart", 1.0, number) for number, text in enumerate(longest)]


def speak(engine: Hibari, pieces: Sequence[Piece]) -> tuple[list[Speech], float]:
    """All of them, and the CPU time."""
    began = time.process_time()
    return [engine.speak(piece) for piece in pieces], time.process_time() - began


def keep(store: LocalStore, spoken: Sequence[Speech]) -> tuple[float, float]:
    """CPU and wall time of writing them as a worker does, and of removing them."""
    parts = SpokenParts(PartFolder(store, "0" * 32, datetime.now(UTC) + timedelta(hours=1), {}))
    cpu, wall = time.process_time(), time.perf_counter()
    for k, speech in enumerate(spoken, start=1):
        parts.put(k, b"identity", np.ascontiguousarray(speech.samples, "<f4").tobytes())
    parts.folder.end(None)
    return time.process_time() - cpu, time.perf_counter() - wall


async def compare(figures: Figures, rounds: int, count: int, folder: Path) -> None:
    engine, pieces, store = Hibari(), chunks(count), LocalStore(folder)
    engine.load()
    latest, _ = speak(engine, pieces)
    seconds = sum(speech.seconds for speech in latest)

    async def speaking(_: int) -> float:
        return speak(engine, pieces)[1]

    async def keeping(_: int) -> tuple[float, float]:
        return keep(store, latest)

    async for voice, (cpu, wall) in pairs(rounds, speaking, keeping):
        figures.add("keeping / speaking, CPU", cpu / voice)
        figures.add("keeping / the seconds of speech, wall", wall / seconds)
        figures.add("keeping, CPU", 1000 * cpu / seconds, "ms a second of audio")
        figures.add("keeping, wall", 1000 * wall / len(pieces), "ms a chunk")
        figures.add("a chunk", seconds / len(pieces), "s of audio")
    store.close()


async def main() -> None:
    options = arguments(__doc__ or "", ("all",))
    with measured(("hibari-tts", "numpy"), options) as figures, tempfile.TemporaryDirectory(dir=".") as folder:
        await compare(figures, 1 if options.quick else options.rounds, 3 if options.quick else 20, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
