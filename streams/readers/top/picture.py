"""What is so at one moment."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Picture:
    """An installation at one moment.

    `time`: ISO 8601. `window_seconds`: the while of which rates and counts are. `lag`: records that the group has not
    passed, by topic. `workers`: of the group, and who else had an outcome in that while (`here` false). `processes`:
    those whose metrics were asked for. `trouble`: what does not answer now; what it would tell is left out.
    """

    time: str
    group: str
    window_seconds: float
    lag: Mapping[str, int]
    throughput: Mapping[str, float]
    workers: list[dict[str, Any]]
    engines: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    processes: list[dict[str, Any]]
    trouble: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)
