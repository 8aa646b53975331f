"""Tools that are not Python's: tests are skipped where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.kafka.conftest import loa, new_loa  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
HELM_VERSION = "v3.18.4"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loa/bin"
"""Where .ci/run puts programs that are not on the PATH."""


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm's command: on the PATH, or in ~/.cache/loa/bin, where .ci/run builds one."""
    found = shutil.which("helm") or shutil.which("helm", path=CACHE)
    if found is None:
        build = f"GOBIN={CACHE} go install helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"
        pytest.skip(f"no helm; with Go (some minutes): {build}")
    return found
