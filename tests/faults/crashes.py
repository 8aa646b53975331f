"""The places at which a worker can be made to die, read from the code, so that no new one is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from streams.crash import STORE_POINTS
from tests.kafka.zygote import ROOT

COPIES = ("requests.bulk", "requests.retry")
ELSEWHERE = {"routed"}
"""What takes two pools of workers, and is tested with them (`tests/kafka/test_routes.py`)."""


def crash_points() -> list[str]:
    """Names for `LOA_CRASH_AT`, in alphabetic order."""
    named = {name for path in (ROOT / "streams").rglob("*.py") for name in _named(path)}
    return sorted({*named, *_of_the_store()} - ELSEWHERE)


def _named(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crash_point":
            (name,) = node.args
            if isinstance(name, ast.Constant):
                yield str(name.value)
            elif ast.unparse(name).startswith("f'copied."):
                yield from (f"copied.{short}" for short in COPIES)
            elif path.name != "crash.py":
                raise AssertionError(f"{path}: {ast.unparse(name)} is not known to this test")


def _of_the_store() -> Iterator[str]:
    return (f"store.{point}" for point in STORE_POINTS)
