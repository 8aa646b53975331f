"""The figures of a run: what was asked, what was done to it, what was absorbed, how soon it went on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.invariants import Findings

COLUMNS = ("test", "requests", "completed", "failed", "deleted", "faults", "repeats absorbed", "recovery, s")


@dataclass
class Figures:
    """`recoveries`: seconds from a fault's end, or from the end of a worker, to the next outcome, by test."""

    rows: dict[str, tuple[int, Findings]] = field(default_factory=dict)
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, faults: int, findings: Findings) -> None:
        self.rows[name] = (faults, findings)

    def recovered(self, name: str, seconds: float) -> None:
        self.recoveries.setdefault(name, []).append(seconds)

    def table(self) -> Iterator[tuple[str, ...]]:
        """Rows of text, the first with the titles and the last with sums."""
        yield COLUMNS
        totals = [0] * 6
        for name, (faults, found) in self.rows.items():
            counts = [found.requests, found.completed, found.failed, found.deleted, faults, found.repeats]
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
            times = ", ".join(f"{seconds:.1f}" for seconds in self.recoveries.get(name, ()))
            title = re.sub(r"-\d+$", "", name.removeprefix("test-")).replace("-", " ")
            yield (title, *map(str, counts), times)
        yield ("all", *map(str, totals), "")

    def markdown(self, *, titles: bool) -> str:
        """The table as docs/guarantees.md has it, without sums."""
        head, *rows, _ = [f"| {' | '.join(row)} |" for row in self.table()]
        lines = [head, "|" + " --- |" * len(COLUMNS), *rows] if titles else rows
        return "\n".join(lines) + "\n"
