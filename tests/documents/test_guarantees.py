"""docs/guarantees.md names tests that exist, and the fault runs know every place at which a worker may die."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.faults.crashes import crash_points

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_/]+)\.py::(test_[a-z_]+)`", PAGE)))


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "name")}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name in functions(TESTS / f"{file}.py")


def test_every_fault_run_is_named() -> None:
    runs = {
        (f"faults/{path.stem}", name)
        for path in (TESTS / "faults").glob("test_*.py")
        for name in functions(path)
        if name.startswith("test_")
    }
    assert runs - set(NAMED) == set()


def test_crash_points_are_found() -> None:
    points = crash_points()
    assert {"completed.told", "commit.before", "copied.requests.bulk", "store.record", "cleanup.told"} <= set(points)
    assert len(points) >= 17
