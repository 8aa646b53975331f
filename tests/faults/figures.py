"""The figures of a run: what was asked, what was done to it, what was absorbed, how soon it went on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.invariants import Findings

COLUMNS = ("test", "requests", "completed", "failed", "deleted", "faults", "repeats absorbed", "recovery, s")

Row = list[str | int]
"""A cell for each column; plain values, which pass between test processes."""


@dataclass
class Figures:
    """A row for each site that was verified."""

    rows: list[Row] = field(default_factory=list)
    _recoveries: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, faults: int, found: Findings) -> None:
        """A site, by its name, went through so many faults."""
        times = ", ".join(f"{seconds:.1f}" for seconds in self._recoveries.get(name, ()))
        title = re.sub(r"(-\d+)+$", "", name.removeprefix("test-")).replace("-", " ")
        counts = [found.requests, found.completed, found.failed, found.deleted, faults, found.repeats]
        self.rows.append([title, *counts, times])

    def recovered(self, name: str, seconds: float) -> None:
        """Seconds from a fault's end, or from the end of a worker, to the next outcome."""
        self._recoveries.setdefault(name, []).append(seconds)

    def join(self, rows: Sequence[Row]) -> None:
        """The rows of another test process."""
        self.rows += rows

    def table(self) -> list[list[str]]:
        """Rows of text, the first with the titles and the last with sums."""
        sums = [sum(int(row[column]) for row in self.rows) for column in range(1, 7)]
        return [[*COLUMNS], *([str(cell) for cell in row] for row in sorted(self.rows)), ["all", *map(str, sums), ""]]

    def markdown(self) -> str:
        """The table as docs/guarantees.md has it."""
        head, *rows = [f"| {' | '.join(row)} |" for row in self.table()]
        return "\n".join([head, "|" + " --- |" * len(COLUMNS), *rows]) + "\n"
