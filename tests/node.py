"""Scripts for Node.js, with the packages that their lock file pins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")


class Node:
    """A copy of a folder of scripts, in which npm has installed what they need. Skips the test where that cannot be."""

    def __init__(self, scripts: Path, folder: Path) -> None:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            pytest.skip("there is no Node.js here")
        self._node, self._folder = node, folder
        for script in scripts.glob("*.*js*"):
            shutil.copy(script, folder)
        done = subprocess.run([npm, *INSTALL], cwd=folder, capture_output=True, text=True, check=False)
        if any(code in done.stderr for code in AWAY):
            pytest.skip(f"npm reaches no registry: {done.stderr[:200]}")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str | Path, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A script to its end. `more`: variables of its environment."""
        environment = os.environ | {"NODE_NO_WARNINGS": "1"} | dict(more or {})
        command = [self._node, *map(str, arguments)]
        return subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False)
