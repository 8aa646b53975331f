"""What a release consists of, built once, as `make dist` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [Path(sys.executable).with_name("uv"), "build", "--offline", "--no-build-isolation", "--python"]
    environ = os.environ | {"UV_CACHE_DIR": str(folder / "cache")}
    made = subprocess.run(
        [*build, sys.executable, "--out-dir", folder, ROOT], env=environ, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder
