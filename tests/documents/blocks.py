"""Fenced blocks of the documents: what their readers type."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"<!-- (not run|needs): (\S[^\n]*?) -->\s*\Z")
"""The line before a block: why it cannot be run by a test, or the program without which it cannot."""

SHELL = {"sh", "console", ""}


@dataclass(frozen=True)
class Block:
    """`language`: `sh`, a script; `console`, commands behind `$ ` and what they print; or none. `needs`: a program."""

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""
    needs: str = ""

    @property
    def commands(self) -> list[str]:
        """What is typed, without what is printed."""
        lines = self.text.splitlines()
        prompts = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        if prompts or self.language == "console":
            return prompts
        return [line for line in lines if line.strip() and not line.startswith("#")]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def documents() -> list[Path]:
    """Every document of which readers take commands."""
    named = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")]
    return [*named, *sorted(ROOT.glob("deploy/**/*.md")), *sorted(ROOT.glob("docs/**/*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The shell's blocks of a page, in order."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        indent, language, body = match.groups()
        if language not in SHELL:
            continue
        before = text[: match.start()]
        mark = MARK.search(before)
        marks = {mark[1].replace(" ", "_"): mark[2]} if mark else {}
        body = textwrap.dedent(body) if indent else body
        yield Block(page.relative_to(ROOT).as_posix(), before.count("\n") + 1, language, body, **marks)
