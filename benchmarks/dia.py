"""Dia's decoding loop against transformers' own generate, over the same random weights. `make bench-dia`.

On a CPU with one thread: `short`, 32 requests of mixed lengths; `long`, contexts beyond 1,000 steps. With `--device
cuda`: `gpu`, the full shape. Guidance on, sampled, without the codec but in `gpu`. The method is told in
docs/benchmarks.md.
"""

import asyncio
import sys
import time
from typing import Any

import numpy as np
import torch
from common import Figures, arguments, measured, pairs
from dia_models import FULL, SENTENCE, SMALL, Both, generate, lengths, loop, make, speak
from dia_roofline import measure, step_bytes, step_products
from torch import Tensor
from transformers import DacConfig, DacModel
from transformers.utils import logging

from models.dia import text
from models.dia.codec import Codec
from models.dia.loop import Loop
from models.speech import Samples

PACKAGES = ("loa-tts", "torch", "transformers")
FRAMES_PER_SECOND = 44_100 / 512


class NoCodec:
    """Makes no samples: what is compared is decoding."""

    context, hop = 10, 1

    def decode(self, frames: list[Tensor]) -> list[Samples]:
        return [np.zeros(each.shape[1], np.float32) for each in frames]


async def short(figures: Figures, rounds: int, quick: bool) -> None:
    """32 requests of 15 to 79 frames, 37 million weights."""
    both = make(SMALL, "cpu", torch.float32, 8, 100)
    frames = lengths(8 if quick else 32, 15, 79)
    await _compare("short", figures, both, frames, sorted(frames)[:: max(len(frames) // 8, 1)], rounds)


async def long(figures: Figures, rounds: int, quick: bool) -> None:
    """8 requests of 1,000 to 1,150 frames, 37 million weights."""
    both = make(SMALL, "cpu", torch.float32, 8, 1200)
    frames = lengths(8, 100, 115) if quick else lengths(8, 1000, 1150)
    await _compare("long", figures, both, frames, [min(frames)], min(rounds, 2))


async def _compare(name: str, figures: Figures, both: Both, frames: list[int], alone: list[int], rounds: int) -> None:
    """`alone`: those of the requests that are generated one by one, for they take the longest."""
    ours = loop(both, NoCodec())  # type: ignore[arg-type]
    speak(ours, frames[:2], 0)
    generate(both, frames[:1], 0)

    async def theirs(number: int) -> tuple[float, float]:
        one = sum(alone) / sum(generate(both, [each], number) for each in alone)
        batches = [frames[n : n + both.slots] for n in range(0, len(frames), both.slots)]
        return one, sum(frames) / sum(generate(both, batch, number) for batch in batches)

    async def loa(number: int) -> tuple[float, float]:
        steps = ours.steps
        seconds = speak(ours, frames, number)
        return sum(frames) / seconds, seconds / (ours.steps - steps)

    async for (one, static), (rate, step) in pairs(rounds, theirs, loa):
        figures.add(f"{name}: frames per CPU second, Loa / generate in batches of 8", rate / static, target=">= 1.5")
        figures.add(f"{name}: frames per CPU second, Loa / generate one by one", rate / one, target=">= 3")
        for who, value in (("Loa, 8 slots", rate), ("generate in batches of 8", static), ("generate one by one", one)):
            figures.add(f"{name}: {who}", value, "frames/s")
        figures.add(f"{name}: Loa, a step", 1000 * step, "ms")
        _roofline(name, figures, both, sum(frames) / len(frames) / 2, step)


def _roofline(name: str, figures: Figures, both: Both, positions: float, step: float) -> None:
    """How near a step is to what this machine could do at best. `positions`: on average."""
    read = step_bytes(both.ours, both.slots, positions, len(text.ids(SENTENCE)))
    products = step_products(both.ours, both.slots)
    machine = measure(both.ours.device.type, both.ours.dtype, 2 * both.slots)
    figures.add(f"{name}: a step reads", read / 1e6, "MB")
    figures.add(f"{name}: a step multiplies", 2 * products / 1e9, "GFLOP")
    figures.add(f"{name}: this machine copies", machine.bandwidth / 1e9, "GB/s")
    figures.add(f"{name}: this machine multiplies", 2 * machine.products / 1e9, "GFLOP/s")
    figures.add(f"{name}: a step, of the roofline", machine.seconds(read, products) / step)


async def gpu(figures: Figures, rounds: int, quick: bool) -> None:
    """Not yet measured: 1.6 billion weights in bfloat16, 32 slots, clips of 10 s, the codec included."""
    frames = round((1 if quick else 10) * FRAMES_PER_SECOND)
    both = make(FULL, "cuda", torch.bfloat16, 32, frames)
    with torch.device("cuda"):
        codec = Codec(DacModel(DacConfig(sampling_rate=44_100)).eval())
    ours = loop(both, codec)
    speak(ours, [frames] * 64, 0, "cuda")

    async def theirs(number: int) -> float:
        return frames / generate(both, [frames], number)

    async def loa(number: int) -> float:
        return 64 * frames / speak(ours, [frames] * 64, number, "cuda")

    async for one, rate in pairs(rounds, theirs, loa):
        figures.add("gpu: frames per second, Loa / generate one by one", rate / one, target=">= 8")
        figures.add("gpu: Loa, speech", rate / FRAMES_PER_SECOND, "s/s", target=">= 145")
    decoding = loop(both, NoCodec())  # type: ignore[arg-type]
    speak(decoding, [frames] * 32, 0, "cuda")
    host, step = _host_share(decoding, frames)
    figures.add("gpu: the host's time, of a step", host / step, target="<= 0.1")
    _roofline("gpu", figures, both, frames / 2, step)
    figures.all["gpu: a step, of the roofline"].target = ">= 0.5"


def _host_share(decoding: Loop, frames: int) -> tuple[float, float]:
    """Seconds a step that the host computes, waiting for the device not counted, and seconds a step in all."""
    steps, cpu, began = decoding.steps, time.process_time(), time.perf_counter()
    speak(decoding, [frames] * 32, 0, "cuda")
    count = decoding.steps - steps
    return (time.process_time() - cpu) / count, (time.perf_counter() - began) / count


PARTS: dict[str, Any] = {"short": short, "long": long, "gpu": gpu}


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS), device=("cpu", "cuda"))
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    wanted = [options.only] if options.only else ["gpu"] if options.device == "cuda" else ["short", "long"]
    with measured(PACKAGES, options) as figures:
        for part in wanted:
            print(f"part {part}: {PARTS[part].__doc__}", file=sys.stderr, flush=True)
            await PARTS[part](figures, 1 if options.quick else options.rounds, options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
