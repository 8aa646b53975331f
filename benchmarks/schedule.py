"""How full batches are, and how long a piece waits, on 1, 8 and 64 GPUs: a simulation. `make bench-schedule`.

Nothing is spoken. Pieces arrive by chance, wait in the real `models.admission.Admission` (lanes, tenants, virtual time
by cost), and are taken from it in virtual time by GPUs that step all their pieces at once, as `models.host.EnginePool`
and `models.serve` do: whenever a slot is free, and never waiting for a batch to fill. A step takes
`fixed + active * each`. It is held against batches as a plain server makes them (static), which takes the next batch
when the last of this one has ended. Loads are in parts of what all slots, full all the time, could do.

`--step MS MS`: fixed, and for each active piece. The default is what a Dia of 37 M parameters took on one CPU core (12
ms with one piece, 46 with eight): for the shape of the curve. What a GPU takes is not yet measured.
"""

import argparse
import heapq
import random
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from common import machine, percentile, table

from models.admission import Admission
from models.schedule import Claim, Lane

FRAMES_PER_SECOND = 86.13
"""Of the codec, 44.1 kHz in steps of 512 samples."""

TAIL_FRAMES = 15
"""Steps of Dia's delay pattern after the last frame."""

LENGTHS = (1.0, 15.0)
"""Seconds of audio of a piece, each as likely: a short sentence to the longest chunk."""

TENANTS = 8
WARM_PART = 0.1


@dataclass(eq=False, slots=True)
class Simulated:
    """A piece: seconds of virtual time, and steps that it takes."""

    arrived: float
    steps: int
    claim: Claim
    company: int | None = None
    wanted: bool = True
    began: float = 0.0
    ended: float = 0.0


@dataclass(eq=False, slots=True)
class Gpu:
    """`held`: pieces by what is left of their steps. `since`: when that was so. `version`: of its plan."""

    held: dict[Simulated, float] = field(default_factory=dict)
    since: float = 0.0
    version: int = 0
    slot_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """What a step costs, in seconds."""

    slots: int
    fixed: float
    each: float

    def step(self, active: int) -> float:
        return self.fixed + active * self.each

    @property
    def most_per_second(self) -> float:
        """Steps of pieces that a full GPU does a second."""
        return self.slots / self.step(self.slots)


def arrivals(rate: float, number: int, bursty: bool, chance: random.Random) -> Iterator[Simulated]:
    """So many pieces at `rate` a second: one by one (Poisson), or in bursts of 32 on average of one tenant."""
    now = 0.0
    burst = 32 if bursty else 1
    made = 0
    while made < number:
        now += chance.expovariate(rate / burst)
        tenant = f"t{chance.randrange(TENANTS)}"
        lane = Lane.BULK if bursty and chance.random() < 0.2 else Lane.INTERACTIVE
        for _ in range(min(number - made, max(1, round(chance.expovariate(1 / burst))) if bursty else 1)):
            seconds = chance.uniform(*LENGTHS)
            yield Simulated(now, round(seconds * FRAMES_PER_SECOND) + TAIL_FRAMES, Claim(tenant, lane, seconds))
            made += 1


class Simulation:
    """Virtual time, from event to event."""

    def __init__(self, gpus: int, model: Model, static: bool) -> None:
        self._gpus = [Gpu() for _ in range(gpus)]
        self._model = model
        self._static = static
        self._waiting: Admission[Simulated] = Admission()
        self._events: list[tuple[float, int, Gpu, int]] = []
        self._order = count()
        self.done: list[Simulated] = []

    def run(self, pieces: Iterator[Simulated]) -> float:
        """Until all is spoken; returns the share of slots that were in use until the last one came."""
        used = 0.0
        coming = next(pieces, None)
        while coming is not None or self._events:
            if coming is not None and (not self._events or coming.arrived <= self._events[0][0]):
                now = coming.arrived
                self._waiting.ask(coming, coming.claim)
                coming = next(pieces, None)
                used = used if coming is not None else self._used(now)
            else:
                now, _, gpu, version = heapq.heappop(self._events)
                if version != gpu.version:
                    continue
                self._bring_on(gpu, now)
            self._feed(now)
        return used

    def _used(self, now: float) -> float:
        for gpu in self._gpus:
            self._bring_on(gpu, now)
        return sum(gpu.slot_seconds for gpu in self._gpus) / (now * len(self._gpus) * self._model.slots)

    def _bring_on(self, gpu: Gpu, now: float) -> None:
        """All that it did since it was last looked at."""
        active = len(gpu.held)
        done = (now - gpu.since) / self._model.step(active) if active else 0.0
        gpu.slot_seconds += active * (now - gpu.since)
        gpu.since = now
        for piece in list(gpu.held):
            gpu.held[piece] -= done
            if gpu.held[piece] <= 1e-6:
                del gpu.held[piece]
                piece.ended = now
                self.done.append(piece)
        self._plan(gpu)

    def _plan(self, gpu: Gpu) -> None:
        """When its next piece ends, if nothing comes in between."""
        gpu.version += 1
        if gpu.held:
            soonest = gpu.since + min(gpu.held.values()) * self._model.step(len(gpu.held))
            heapq.heappush(self._events, (soonest, next(self._order), gpu, gpu.version))

    def _feed(self, now: float) -> None:
        """As `EnginePool` does: to whoever has room, the least busy first."""
        free = [gpu for gpu in self._gpus if (not gpu.held if self._static else len(gpu.held) < self._model.slots)]
        while free and self._waiting:
            gpu = min(free, key=lambda gpu: len(gpu.held))
            self._bring_on(gpu, now)
            batch = self._model.slots if self._static else 1
            while batch and (piece := self._waiting.next(gpu.held)) is not None:
                piece.began = now
                gpu.held[piece] = piece.steps
                batch -= 1
            self._plan(gpu)
            if self._static or len(gpu.held) == self._model.slots:
                free.remove(gpu)


def simulate(gpus: int, model: Model, load: float, bursty: bool, static: bool, number: int, seed: int) -> list[float]:
    """Share of slots in use; p50 and p99 of seconds from arrival to end; p50 and p99 of the wait."""
    mean_steps = sum(LENGTHS) / 2 * FRAMES_PER_SECOND + TAIL_FRAMES
    rate = load * gpus * model.most_per_second / mean_steps
    simulation = Simulation(gpus, model, static)
    used = simulation.run(arrivals(rate, number, bursty, random.Random(seed)))
    measured = sorted(simulation.done, key=lambda piece: piece.arrived)[int(number * WARM_PART) :]
    took = [piece.ended - piece.arrived for piece in measured]
    waited = [piece.began - piece.arrived for piece in measured]
    return [used, *(percentile(values, percent) for values in (took, waited) for percent in (50, 99))]


HEAD = (
    *("GPUs", "arrivals", "load", "p50 / static", "p99 / static"),
    *("slots in use", "p50 s", "p99 s", "wait p50 s", "wait p99 s"),
)


def main() -> int:
    options = arguments()
    model = Model(options.slots, options.step[0] / 1000, options.step[1] / 1000)
    rounds = 1 if options.quick else options.rounds
    rows = []
    for gpus in (1, 8, 64):
        number = (40 if options.quick else 1000) * (gpus + 1)
        for bursty in (False, True):
            for load in (0.5, 0.8, 0.95):
                found = [
                    [simulate(gpus, model, load, bursty, static, number, seed) for seed in range(rounds)]
                    for static in (False, True)
                ]
                loa, static = ([statistics.median(column) for column in zip(*side, strict=True)] for side in found)
                rows.append(row(gpus, bursty, load, loa, static))
    table("Machine", ("", ""), list(machine(("loa-tts",)).items()))
    print(f"\nSimulated: {model.slots} slots, a step takes {options.step[0]:g} + {options.step[1]:g} ms a piece")
    table("", HEAD, rows)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", nargs=2, type=float, default=(7.1, 4.9), metavar="MS", help="fixed, each")
    parser.add_argument("--slots", type=int, default=8, help="pieces at once on a GPU")
    parser.add_argument("--rounds", type=int, default=5, help="seeds; figures are medians of them")
    parser.add_argument("--quick", action="store_true", help="does it run? no figures to quote")
    return parser.parse_args()


def row(gpus: int, bursty: bool, load: float, loa: list[float], static: list[float]) -> list[str]:
    """Ratios first."""
    used, p50, p99, wait50, wait99 = loa
    ratios = [f"{p50 / static[1]:.2f}", f"{p99 / static[2]:.2f}"]
    times = [f"{value:.1f}" for value in (p50, p99, wait50, wait99)]
    return [str(gpus), "bursty" if bursty else "Poisson", f"{load:g}", *ratios, f"{used:.2f}", *times]


if __name__ == "__main__":
    sys.exit(main())
