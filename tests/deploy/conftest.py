"""Tools that are not Python's: tests are skipped where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELM_VERSION = "v3.22.0"


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm's command: on the PATH, or in ~/.cache/loa/bin, where .ci/run builds one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loa/bin"
    found = shutil.which("helm") or shutil.which("helm", path=cache)
    if found is None:
        build = f"GOBIN={cache} go install helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"
        pytest.skip(f"no helm; with Go (some minutes): {build}")
    return found
