"""The figures of all systems side by side: a line a figure, a column a system; in Markdown, and as JSON."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from peers_judged import middle, ratios

FIRST = "Loa"


@dataclass
class Line:
    """One figure. `compared`: Loa's is put in relation to the others', round by round."""

    part: str
    name: str
    unit: str
    compared: bool
    values: dict[str, list[float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.part}: {self.name}{f' [{self.unit}]' if self.unit else ''}"


class Sheet:
    """All figures of a run, in the order in which they were first named."""

    def __init__(self, systems: Sequence[str]) -> None:
        self._systems = systems
        self._lines: dict[tuple[str, str], Line] = {}

    def add(self, part: str, name: str, system: str, value: float, unit: str = "", *, compared: bool = False) -> None:
        """One more value of a figure, and word of it to whoever waits. NaN: the system has nothing such."""
        line = self._lines.setdefault((part, name), Line(part, name, unit, compared))
        line.values.setdefault(system, []).append(value)
        print(f"  {system:10}  {line.title}: {value:.4g}", file=sys.stderr, flush=True)

    def values(self, part: str, name: str, system: str) -> list[float]:
        """All values of a figure so far."""
        return self._lines[part, name].values[system]

    def show(self) -> None:
        """Ratios first: Loa's value by that of each other system."""
        sys.stderr.flush()
        others = [system for system in self._systems if system != FIRST]
        self._table(
            [f"{FIRST} / …", *others],
            [
                [line.title, *(middle(_ratios(line, s)) for s in others)]
                for line in self._lines.values()
                if line.compared
            ],
        )
        self._table(
            ["", *self._systems],
            [[line.title, *(middle(line.values.get(s, [])) for s in self._systems)] for line in self._lines.values()],
        )

    def _table(self, head: list[str], rows: list[list[str]]) -> None:
        for cells in ["", *([head, ["---"] * len(head), *rows] if rows else [])]:
            print("| " + " | ".join(cells) + " |" if cells else "")

    def data(self) -> list[dict[str, Any]]:
        """For `--json`."""
        return [vars(line) for line in self._lines.values()]


def _ratios(line: Line, system: str) -> list[float]:
    loa, other = line.values.get(FIRST, []), line.values.get(system, [])
    return ratios(loa, other) if len(loa) == len(other) else []
