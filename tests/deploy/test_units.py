"""The systemd units: what systemd and Loa understand."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from streams import settings
from streams.cli import app
from streams.settings import PREFIX, Settings
from tests.deploy.conftest import ROOT

UNITS = ROOT / "deploy/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 30
"""`systemd-analyze security`: 0 is a closed door, 100 none."""


@pytest.fixture
def analyze(tmp_path: Path) -> str:
    """`systemd-analyze`, and the units in `tmp_path`, with a command in place of Loa's, which need not be installed."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze")
    for unit in UNITS.glob("loa*.*"):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/loa/bin/loa", "/bin/true"))
    shutil.copy(tmp_path / "loa-worker@.service", tmp_path / "loa-worker@1.service")
    return found


def named(unit: Path) -> Path:
    return unit.with_name(unit.name.replace("@.", "@1."))


@pytest.mark.parametrize("unit", [*SERVICES, UNITS / "loa.target"], ids=lambda unit: unit.name)
def test_systemd_understands_it(analyze: str, tmp_path: Path, unit: Path) -> None:
    environ = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}
    command = [analyze, "verify", "--man=no", "--recursive-errors=one", tmp_path / named(unit).name]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "loa" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_it_can_do_little_to_its_machine(analyze: str, tmp_path: Path, unit: Path) -> None:
    command = [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
    done = subprocess.run(
        [*command, tmp_path / named(unit).name], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_its_command_is_one_of_loa(unit: Path) -> None:
    found = re.search(r"^ExecStart=/opt/loa/bin/loa (\S+)(.*)$", unit.read_text(), re.MULTILINE)
    assert found
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {option for parameter in commands[found[1]].params for option in parameter.opts}
    assert set(re.findall(r"--[\w-]+", found[2])) <= known


def test_a_worker_can_have_settings_of_its_own() -> None:
    """Later files supersede earlier ones: those of this worker come last."""
    files = re.findall(r"^EnvironmentFile=-?(\S+)$", (UNITS / "loa-worker@.service").read_text(), re.MULTILINE)
    assert files[-1] == "/etc/loa/worker-%i.env"
    page = (ROOT / "deploy/README.md").read_text()
    (said,) = re.findall(r"printf '(.*)' \| sudo tee /etc/loa/worker-gpu-1\.env", page)
    (routes,) = re.findall(r"echo (TTS_ROUTES=\S+) ", page)
    lines = [*said.replace("\\n", "\n").split(), routes]
    assert settings.load(dict(line.split("=", 1) for line in lines)).pool == "gpu"


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_it_has_the_time_to_finish(unit: Path) -> None:
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
    assert found
    assert int(found[1]) >= settings.load({}).drain_seconds + 20


def test_its_variables_are_settings() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for file in UNITS.iterdir():
        assert set(re.findall(r"\bTTS_[A-Z0-9_]+", file.read_text())) <= known, file.name
    lines = [line for line in (UNITS / "loa.env").read_text().splitlines() if line and not line.startswith("#")]
    settings.load(dict(line.split("=", 1) for line in lines))


def test_the_target_wants_every_service_that_needs_no_secret() -> None:
    wanted = re.search(r"^Wants=(.*)$", (UNITS / "loa.target").read_text(), re.MULTILINE)
    assert wanted
    assert set(wanted[1].split()) == {named(unit).name for unit in SERVICES} - {"loa-webhooks.service"}
