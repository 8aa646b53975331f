"""What it costs to answer an identical request with a copy, beside speaking it.

make bench-reuse
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import soundfile
from common import Figures, arguments, measured, pairs
from texts import texts

from models.engine import Piece
from models.hibari import Hibari
from storage.files import AudioFiles
from storage.local import LocalStore
from storage.records import Record, file_id

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # as the worker does for its engines


def record(files: AudioFiles, name: str, path: Path) -> Record:
    """Of the file at `path`, with what takes part here."""
    now, named = datetime.now(UTC), file_id("default", name)
    return Record(
        file_id=named,
        file_path=files.file_path(named, "wav"),
        text=name,
        model="hibari",
        created_at=now,
        expires_at=now + timedelta(hours=1),
        expiry_hours=1,
        file_size=path.stat().st_size,
        request_id=name,
        format="wav",
        sample_rate=24_000,
        duration_seconds=1.0,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        pcm_sha256="0" * 64,
        model_revision="1",
        content_sha256="0" * 64,
    )


def speak(engine: Hibari, files: AudioFiles, pieces: Sequence[Piece], label: str) -> tuple[list[Record], float, float]:
    """Speak and commit all; the records, seconds of speech, and wall time."""
    began, made, seconds = time.perf_counter(), [], 0.0
    for number, piece in enumerate(pieces):
        with files.store.scratch() as path:
            speech = engine.speak(piece)
            soundfile.write(path, speech.samples, speech.rate, "PCM_16", format="WAV")
            made.append(record(files, f"{label}-{number}", path))
            files.put_once(made[-1], path)
            seconds += speech.seconds
    return made, seconds, time.perf_counter() - began


def copy(files: AudioFiles, sources: Sequence[Record], label: str) -> float:
    """Copy and commit all, as a worker does; wall time."""
    began = time.perf_counter()
    for number, source in enumerate(sources):
        with files.store.scratch() as path:
            found = files.find(source.file_id)
            if not isinstance(found, Record) or not files.fetch(found, path):
                raise RuntimeError(f"{source.file_id} is not there whole")
            files.put_once(record(files, f"{label}-{number}", path), path)
    return time.perf_counter() - began


async def compare(figures: Figures, rounds: int, count: int, folder: Path) -> None:
    engine, files = Hibari(), AudioFiles(LocalStore(folder))
    engine.load()
    pieces = [Piece(text, "heart", 1.0, 1) for text in texts(count) if len(text) <= Hibari.max_characters]
    sources, seconds, _ = speak(engine, files, pieces, "source")

    async def speaking(number: int) -> float:
        return speak(engine, files, pieces, f"spoken-{number}")[2]

    async def copying(number: int) -> float:
        return copy(files, sources, f"copy-{number}")

    async for spoken, copied in pairs(rounds, speaking, copying):
        figures.add("speaking / copying, wall", spoken / copied)
        figures.add("a copy", 1000 * copied / len(sources), "ms")
        figures.add("speaking", 1000 * spoken / len(sources), "ms")
        figures.add("a file", seconds / len(sources), "s of audio")
    files.store.close()


async def main() -> None:
    options = arguments(__doc__ or "", ("all",))
    with measured(("hibari-tts", "numpy"), options) as figures, tempfile.TemporaryDirectory(dir=".") as folder:
        await compare(figures, 1 if options.quick else options.rounds, 3 if options.quick else 20, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
