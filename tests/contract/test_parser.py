"""docs/asyncapi.json before the official parser of AsyncAPI, where there is Node to run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.node import Node

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs/asyncapi.json"
ERROR, WARNING = 0, 1

Judge = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Errors and warnings that the parser finds in a document."""
    folder = tmp_path_factory.mktemp("parser")
    node = Node(HERE, folder)

    def found(document: Any) -> list[dict[str, Any]]:
        (folder / "document.json").write_text(json.dumps(document))
        said = node.run("judge.mjs", "document.json")
        assert said.returncode == 0, said.stderr
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
