"""docs/asyncapi.json before the official parser of AsyncAPI, where there is Node to run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs/asyncapi.json"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
ERROR, WARNING = 0, 1

Judge = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Errors and warnings that the parser finds in a document."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("there is no Node.js here, in which the parser of AsyncAPI runs")
    folder = tmp_path_factory.mktemp("parser")
    for name in ("package.json", "package-lock.json", "judge.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run([npm, *INSTALL], cwd=folder, capture_output=True, text=True, check=False)
    if any(code in done.stderr for code in AWAY):
        pytest.skip(f"npm reaches no registry: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr

    def found(document: Any) -> list[dict[str, Any]]:
        (folder / "document.json").write_text(json.dumps(document))
        said = subprocess.run(
            [node, "judge.mjs", "document.json"],
            cwd=folder,
            env=os.environ | {"NODE_NO_WARNINGS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        diagnostics = [json.loads(line) for line in said.stdout.splitlines()]
        return [each for each in diagnostics if each["severity"] in {ERROR, WARNING}]

    return found


def test_the_parser_finds_nothing(judge: Judge) -> None:
    assert judge(json.loads(DOCUMENT.read_text())) == []


def test_the_parser_would_find_what_is_wrong(judge: Judge) -> None:
    document = json.loads(DOCUMENT.read_text())
    document["channels"]["completed"]["bindings"]["kafka"]["partitions"] = "many"
    document["operations"]["sendFailed"]["channel"]["$ref"] = "#/channels/nothing"
    paths = {each["path"] for each in judge(document)}
    assert "operations.sendFailed.channel.$ref" in paths
    document["operations"]["sendFailed"]["channel"]["$ref"] = "#/channels/failed"
    paths = {each["path"] for each in judge(document)}
    assert "channels.completed.bindings.kafka.partitions" in paths
