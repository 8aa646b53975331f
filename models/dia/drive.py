"""Who runs the steps: one operation after the other on any device, or recorded graphs on a GPU."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.dia.seat import Seat
from models.dia.state import State

REACH_GRAIN = 256
TEXT_GRAIN = 128
"""Graphs are recorded for shapes that are multiples of these, and for counts that are powers of two."""


class Drive(Protocol):
    """Runs steps of a State."""

    def step(self, seats: Sequence[Seat]) -> None:
        """One column more of the first slots, whose seats are given; tells them what is known of their ends."""
        ...


class Eager:
    """One operation after the other, and what they came to is known at once.

    `rounded`: with the shapes that graphs are recorded for, to compare.
    """

    def __init__(self, state: State, *, rounded: bool = False) -> None:
        self._state, self._rounded = state, rounded

    def step(self, seats: Sequence[Seat]) -> None:
        """Draw, step, look."""
        self._state.noise.draw(len(seats))
        self._state.advance(*(rounded if self._rounded else exact)(self._state, seats))
        for seat, end in zip(seats, self._state.end.tolist(), strict=False):
            seat.at += 1
            seat.told(end)


class Graphs:
    """CUDA graphs, one for each shape, recorded when it is first wanted. Not yet measured.

    A step is one launch, noise included. What it came to is copied back while the next one runs, and known one step
    later. That is early enough: a request goes on for the longest delay after its end anyway.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._graphs: dict[tuple[int, int, int], torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self._ends = [_pinned(state.end) for _ in range(2)]
        self._ready = [_event() for _ in range(2)]
        self._before: Sequence[Seat] = ()
        self._turn = 0

    def step(self, seats: Sequence[Seat]) -> None:
        """Launch, and look at the step before."""
        turn, self._turn = self._turn, 1 - self._turn
        self._run(rounded(self._state, seats))
        self._ends[turn].copy_(self._state.end, non_blocking=True)
        self._ready[turn].record()
        self._tell_of_the_step_before(1 - turn)
        for seat in seats:
            seat.at += 1
        self._before = tuple(seats)

    def _tell_of_the_step_before(self, turn: int) -> None:
        """Waits until the device is done with it: the host is never further ahead than a step."""
        self._ready[turn].synchronize()
        for seat, end in zip(self._before, self._ends[turn].tolist(), strict=False):
            seat.told(end)

    def _run(self, shape: tuple[int, int, int]) -> None:
        if shape not in self._graphs:
            self._record(shape)
        else:
            self._graphs[shape].replay()

    def _record(self, shape: tuple[int, int, int]) -> None:
        """Take the step, and record it for later: what is recorded is not run."""
        self._state.advance(*shape)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._state.advance(*shape)
        self._graphs[shape] = graph


def exact(state: State, seats: Sequence[Seat]) -> tuple[int, int, int]:
    """How many slots, positions and text bytes a step has to look at."""
    del state
    return len(seats), max(seat.at for seat in seats) + 1, max(len(seat.request.text) for seat in seats)


def rounded(state: State, seats: Sequence[Seat]) -> tuple[int, int, int]:
    """The same, rounded up so that there are few shapes."""
    count, reach, text_reach = exact(state, seats)
    text_bytes = state.cache.cross_keys[0].shape[2]
    return (
        min(1 << (count - 1).bit_length(), len(state.at)),
        min(-(-reach // REACH_GRAIN) * REACH_GRAIN, state.positions),
        min(-(-text_reach // TEXT_GRAIN) * TEXT_GRAIN, text_bytes),
    )


def _event() -> torch.cuda.Event:
    # Whoever waits for it sleeps, and leaves the core to others.
    return torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]


def _pinned(like: Tensor) -> Tensor:
    return torch.ones(like.shape, dtype=like.dtype, pin_memory=True)
