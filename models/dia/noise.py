"""What sampling draws: for each request a stream of its own, whoever is spoken beside it and wherever.

Codes are drawn as torch.multinomial does it, by the largest of probability / noise, with noise from the exponential
distribution.
"""

from typing import Protocol

import torch
from torch import Tensor

_WORD = (1 << 64) - 1


class Noise(Protocol):
    """Noise of all slots."""

    def begin(self, slot: int, seed: int | None) -> None:
        """A request takes the slot. `seed`: None for one that draws nothing."""
        ...

    def draw(self, count: int) -> None:
        """What the host has to do before a step of the first `count` slots."""
        ...

    def of(self, ids: Tensor, column: Tensor) -> Tensor:
        """Noise for the candidates `ids` (n, channels, candidates) of each channel, in the columns (n,): the like."""
        ...

    def move(self, source: int, target: int) -> None:
        """A slot moves."""
        ...


class HostNoise:
    """torch's own stream on a CPU: a request draws what transformers' generate draws for it alone with that seed.

    A number for each id of the vocabulary, candidate or not, in each step: half a per cent of a step on a CPU for each
    slot, and more than all the rest of it beside a GPU.
    """

    def __init__(self, slots: int, channels: int, vocabulary: int) -> None:
        self._drawn = torch.ones(slots, channels, vocabulary)
        self._streams: list[torch.Generator | None] = [None] * slots

    def begin(self, slot: int, seed: int | None) -> None:
        """A generator of its own."""
        self._streams[slot] = None if seed is None else torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> None:
        """The next of each stream."""
        for slot, stream in enumerate(self._streams[:count]):
            if stream is not None:
                self._drawn[slot].exponential_(generator=stream)

    def of(self, ids: Tensor, column: Tensor) -> Tensor:
        """Looked up: columns follow one another."""
        del column
        return self._drawn[: len(ids)].gather(-1, ids)

    def move(self, source: int, target: int) -> None:
        """The stream moves."""
        self._streams[target], self._streams[source] = self._streams[source], None


class HashNoise:
    """A hash of seed, column, channel and id: no state, for the candidates alone, and part of a recorded graph.

    The hash is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014), once for each word that goes in.
    """

    def __init__(self, slots: int, device: torch.device) -> None:
        self._seeds = torch.zeros(slots, dtype=torch.long, device=device)

    def begin(self, slot: int, seed: int | None) -> None:
        """Remember the seed."""
        self._seeds[slot] = 0 if seed is None else seed

    def draw(self, count: int) -> None:
        """Nothing."""

    def of(self, ids: Tensor, column: Tensor) -> Tensor:
        """Computed."""
        channels = torch.arange(ids.shape[1], device=ids.device)[:, None]
        requests = _mixed(_mixed(self._seeds[: len(ids)]) ^ column)[:, None, None]
        bits = _mixed(_mixed(requests ^ channels) ^ ids)
        # 24 bits, as many as float32 holds exactly, and never 0.
        return -torch.log((_shifted(bits, 40).float() + 0.5) / (1 << 24))

    def move(self, source: int, target: int) -> None:
        """The seed moves."""
        self._seeds[target] = self._seeds[source]


def _mixed(word: Tensor) -> Tensor:
    word = word + _signed(0x9E3779B97F4A7C15)
    word = (word ^ _shifted(word, 30)) * _signed(0xBF58476D1CE4E5B9)
    word = (word ^ _shifted(word, 27)) * _signed(0x94D049BB133111EB)
    return word ^ _shifted(word, 31)


def _shifted(word: Tensor, bits: int) -> Tensor:
    """To the right, zeros coming in."""
    return (word >> bits) & (_WORD >> bits)


def _signed(word: int) -> int:
    """The number of 64 bits as torch has it."""
    return word - (1 << 64) if word >> 63 else word
