"""What was asked for, and what a criterion measured."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What was to be spoken. `estimate`: the engine's own, in seconds at `speed`. `rate`: Hz."""

    text: str
    speed: float
    estimate: float
    rate: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that a criterion measured, and the range in which speech has it.

    `criterion`: its name. `unit`, `of`: as in `0.31 s of audio`.
    """

    criterion: str
    value: float
    unit: str
    of: str
    least: float = -math.inf
    most: float = math.inf

    @property
    def fits(self) -> bool:
        """Whether speech may have it. What is no number never fits."""
        return self.least <= self.value <= self.most

    def __str__(self) -> str:
        """The criterion, the value, and the limit that is nearer."""
        side, limit = ("at most", self.most) if self.value > self.most else ("at least", self.least)
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.criterion}: {self.value:.3g}{unit} {self.of}, {side} {limit:.3g}{unit} expected"
