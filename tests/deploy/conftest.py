"""Tools that are not Python's: tests are skipped where there is none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.deploy.charts import CHART, KUBERNETES, Objects, Values
from tests.programs import CACHE, program

ROOT = Path(__file__).parents[2]
HELM_VERSION = "v3.18.4"


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm's command."""
    found = program("helm")
    if found is None:
        build = f"GOBIN={CACHE} go install helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"
        pytest.skip(f"no helm; with Go (some minutes): {build}")
    return found


@pytest.fixture
def render(helm: str, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `helm template` on values, in a home of its own."""

    def run(values: Values, release: str = "loa") -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        command = [helm, "template", release, CHART, "--kube-version", KUBERNETES, "-f", file]
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture
def rendered(render: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Objects]:
    def objects(values: Values, release: str = "loa") -> Objects:
        made = render(values, release)
        assert made.returncode == 0, made.stderr
        return [each for each in yaml.safe_load_all(made.stdout) if each]

    return objects
