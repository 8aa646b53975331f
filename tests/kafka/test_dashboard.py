"""The dashboard and the alerts over what a real Prometheus has from a real installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kafka.busy import busy
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE, until
from tests.kafka.prometheus import PANELS, Prometheus
from tests.programs import program

pytestmark = [
    pytest.mark.skipif(program("prometheus") is None, reason="Prometheus is not on this machine"),
    pytest.mark.timeout(600),
]

AT_ZERO = {"Unrest": "ABCD", "Clean-up": "B"}
"""Lines of what does not happen here: they are there all the same."""

SINCE_SECONDS = 600.0


def found(prometheus: Prometheus, panel: dict[str, Any], target: dict[str, Any]) -> bool:
    """Whether a query of a panel has something to draw, above zero if it can be."""
    values = [value for line in prometheus.lines(target, SINCE_SECONDS) for _, value in line.points]
    return max(values, default=-1) > 0 or (values != [] and target["refId"] in AT_ZERO.get(panel["title"], ""))


async def test_every_query_of_the_dashboard_finds_what_it_asks_for(loa: Installation, tmp_path: Path) -> None:
    left = [(panel, target) for panel in PANELS for target in panel["targets"]]
    async with busy(loa, per_second=6) as targets:
        with Prometheus.started(tmp_path / "prometheus", targets) as prometheus:

            def all_found() -> bool:
                while left and found(prometheus, *left[-1]):  # one at a time: what was there once is found later too
                    left.pop()
                return not left

            try:
                await until(all_found, "something to draw in every panel", 2 * PATIENCE)
            except AssertionError:
                pytest.fail("\n".join(f"{panel['title']}: {target['expr']}" for panel, target in left))
            assert {rule["health"] for rule in prometheus.rules()} == {"ok"}
