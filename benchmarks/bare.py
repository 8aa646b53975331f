"""The bare loop: processes with one thread each that call the engine over the texts and do nothing else."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

from common import cpu_seconds

from models.engine import Piece
from models.hibari import Hibari
from models.registry import Registry
from models.serve import NICENESS
from models.speak import chunk_seed, plan
from streams.requests import SynthesisRequested

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Work:
    """What one text comes to. `pause`: samples of silence that Loa puts between pieces, without the engine."""

    pieces: tuple[Piece, ...]
    pause: int


def work(texts: Sequence[str]) -> list[Work]:
    """The very pieces and seeds that the worker gives its engines for these texts."""
    registry = Registry(("hibari",))
    made = []
    for text in texts:
        choice = registry.resolve(text)
        seed = SynthesisRequested(text=text).seed_or_derived() % 2**32
        chunks = plan(choice)
        spoken = [(k, c) for k, c in enumerate(chunks, 1) if c.voiced]
        pieces = tuple(Piece(chunk.text, choice.voice, 1.0, chunk_seed(seed, k)) for k, chunk in spoken)
        made.append(Work(pieces, sum(round(c.pause_after_seconds * choice.engine.rate) for c in chunks)))
    return made


class Bare:
    """`processes` of them, warm; use as a context manager."""

    def __init__(self, processes: int, jobs: Sequence[Work]) -> None:
        context = multiprocessing.get_context("spawn")
        self._next = context.Value("l", 0)
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        os.environ.update(ONE_THREAD)  # as the worker does for its engine processes
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._next, list(jobs)), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(30)
            process.kill()

    async def run(self) -> tuple[dict[int, int], float, float]:
        """Speak every text once. Returns samples of each text, wall seconds, CPU seconds."""
        return await asyncio.to_thread(self._run)

    def _run(self) -> tuple[dict[int, int], float, float]:
        pids = [process.pid for process in self._processes]
        for pipe in self._pipes:  # loading is not measured
            pipe.send("ready?")
        for pipe in self._pipes:
            pipe.recv()
        self._next.value = 0
        cpu, began = cpu_seconds(*pids), time.perf_counter()
        for pipe in self._pipes:
            pipe.send("go")
        samples: dict[int, int] = {}
        for pipe in self._pipes:
            samples |= pipe.recv()
        return samples, time.perf_counter() - began, cpu_seconds(*pids) - cpu


def _serve(pipe: Connection, following: Any, jobs: list[Work]) -> None:
    """Take the next text while there is one: no process idles while another has two left."""
    os.nice(NICENESS)  # as the worker's engine processes do
    engine = Hibari()
    engine.load()
    try:
        while order := pipe.recv():
            samples = {}
            while order == "go":
                with following.get_lock():
                    number = following.value
                    following.value += 1
                if number >= len(jobs):
                    break
                spoken = sum(len(engine.speak(piece).samples) for piece in jobs[number].pieces)
                samples[number] = spoken + jobs[number].pause
            pipe.send(samples)
    except EOFError:
        return
