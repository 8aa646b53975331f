"""What is released can be installed and used: an sdist, and the wheel that is made from it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.release.conftest import ROOT

PACKAGES = ("models", "storage", "streams")


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    return next(dist.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`loa` of an environment with the wheel; what it depends on is the development environment's."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "install", "-q", "--offline", "--no-cache", "--no-deps", "--python", python, wheel], check=True
    )
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, check=True
    )
    # A line of a .pth file adds a directory, and none of the .pth files in it: not the editable install.
    (Path(found.stdout.decode().strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin/loa"


def run(*command: str | Path, folder: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "PYTHON"))}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_the_tree() -> set[str]:
    """Every file of the packages."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    ours = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    return {name for name in ours if not name.startswith(("storage/audio", "storage/kafka")) and ".sqlite" not in name}


def test_the_wheel_holds_all_of_the_packages_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not re.match(r"loa_tts-[^/]+\.dist-info/", name)}
    assert names == of_the_tree()
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert [name for name in names if name.startswith("streams/gateway/page/") and name.endswith(".html")]


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    about = BytesParser().parsebytes(archive.read(f"{info}/METADATA"))
    assert about["License-Expression"] == "Apache-2.0"
    assert {"LICENSE", "NOTICE"} <= set(about.get_all("License-File", []))
    assert re.match(r"\d+\.\d+", about["Version"])
    assert "loa = streams.cli:main" in archive.read(f"{info}/entry_points.txt").decode()


def test_the_sdist_holds_what_building_and_checking_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    wanted = {name for name in tracked if name and not name.startswith(".ci/") and (ROOT / name).is_file()}
    assert of_the_tree() | {"Makefile", "requirements/light.txt", "PKG-INFO"} <= names
    assert wanted <= names


def test_the_sdist_keeps_its_version_without_git(sdist: Path, wheel: Path) -> None:
    """The wheel is made from the unpacked sdist, which has no git."""
    assert sdist.name.removeprefix("loa_tts-").removesuffix(".tar.gz") == wheel.name.split("-")[1]


def test_what_is_installed_speaks_of_its_version(installed: Path, wheel: Path, tmp_path: Path) -> None:
    assert run(installed, "--version", folder=tmp_path).strip() == wheel.name.split("-")[1]


def test_what_is_installed_reads_a_text(installed: Path, tmp_path: Path) -> None:
    said = run(installed, "text", "Xin chào", folder=tmp_path)
    assert said.startswith("vi, espeak/")
    assert "Xin chào" in said
    where = run(installed.with_name("python"), "-c", "import streams; print(streams.__file__)", folder=tmp_path)
    assert where.startswith(str(installed.parents[1]))


def test_an_image_says_its_version_without_git(tmp_path: Path) -> None:
    """As the Dockerfile builds it: what it copies, and a version in a variable."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("audio", "kafka"))
    variable = re.search(r"RUN (\w+)=\$VERSION uv pip install", dockerfile)
    assert variable
    build = [Path(sys.executable).with_name("uv"), "build", "-q", "--offline", "--no-build-isolation", "--wheel"]
    environ = os.environ | {variable[1]: "1.2.3", "UV_NO_CACHE": "1"}
    subprocess.run([*build, "--python", sys.executable, "--out-dir", "dist"], cwd=tmp_path, env=environ, check=True)
    assert [path.name for path in (tmp_path / "dist").glob("*.whl")] == ["loa_tts-1.2.3-py3-none-any.whl"]
