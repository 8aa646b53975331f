"""The documentation builds without a broken link or anchor, and asks nothing of any other host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data")}
STYLE = re.compile(r"""(?:@import\s+|url\()\s*["']?(?:https?:)?//[^"')]*""")


def build(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
    environment = os.environ | {"PYTHONPATH": ".", "NO_MKDOCS_2_WARNING": "true"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


class Assets(HTMLParser):
    """What a browser loads by itself to show a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        canonical = ("rel", "canonical") in attrs
        self.found += [value or "" for name, value in attrs if (tag, name) in LOADED and not canonical]


def elsewhere(site: Path) -> Iterator[tuple[str, str]]:
    """Files, and what they load from other hosts."""
    for path in site.rglob("*.html"):
        text = path.read_text()
        for found in [*Assets(text).found, *STYLE.findall(text)]:
            if "//" in found:
                yield path.name, found
    for path in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        for found in STYLE.findall(path.read_text()):
            yield path.name, found


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert list(elsewhere(site)) == []


def test_what_is_loaded_from_elsewhere_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<script src="https://cdn.example/x.js"></script><a href="https://example.com">')
    (tmp_path / "a.css").write_text("@import url(//fonts.example/css);")
    assert {name for name, _ in elsewhere(tmp_path)} == {"a.html", "a.css"}


def test_diagrams_are_pictures(site: Path) -> None:
    """Material would fetch Mermaid from elsewhere to draw them in the browser."""
    pages = [path.read_text() for path in site.rglob("*.html")]
    assert not any('class="mermaid"' in page or "language-mermaid" in page for page in pages)
    drawn = list((site / "diagrams").glob("*.svg"))
    assert drawn and all("<svg" in path.read_text()[:200] for path in drawn)


def test_every_setting_and_command_has_its_place(site: Path) -> None:
    assert "TTS_WINDOW_TENANT_SHARE" in (site / "settings.html").read_text()
    assert 'id="loa-dlq-redrive"' in (site / "cli.html").read_text()
    assert "deadline_exceeded" in (site / "errors.html").read_text()
    assert 'id="post-apittssynthesize"' in (site / "calls.html").read_text()


def test_broken_links_would_be_found(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    shutil.copytree(ROOT / "docs", root / "docs")
    for each in ROOT.iterdir():
        if each.name not in {"docs", "dist"}:
            (root / each.name).symlink_to(each)
    with (root / "docs/models.md").open("a") as page:
        page.write("[a](no-page.md) [b](http.md#no-anchor) [c](../no-file.py)")
    done = build(root, tmp_path / "site")
    assert done.returncode != 0
    assert all(wrong in done.stderr for wrong in ("no-page.md", "no-anchor", "no-file.py"))
