"""Terminals in a fresh checkout, in which the blocks of a page are run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.documents.blocks import ROOT, Block
from tests.kafka.processes import Loa

STAYS = re.compile(
    r"^(loa (?:up|worker|gateway|webhooks|reconcile)(?: -.*)?|python examples/webhook\.py .*)$", re.MULTILINE
)
"""Commands that stay in the foreground until they are stopped: another terminal is opened for what comes next."""

OWN = ("TTS_", "AWS_", "VIRTUAL_ENV")
HIDDEN = {"storage", "dist"}
"""Of a checkout: Loa's package `storage` is found where it is installed, and its data are to be new."""


class Terminal:
    """Runs blocks one after the other; what one exports, the next ones have.

    `instead`: ports and addresses of the page, and what is used instead; all else is run to the letter. `more`:
    variables that are set before. `staying`: what stays in the foreground, in the order in which it was started.
    """

    def __init__(self, folder: Path, instead: Mapping[str, str], more: Mapping[str, str]) -> None:
        self.folder, self._instead, self._more = folder, instead, more
        longest_first = sorted(map(re.escape, instead), key=len, reverse=True)
        self._written = re.compile(rf"\b(?:{'|'.join(longest_first)})\b")
        self._exports = folder / ".exports"
        self.staying: list[Loa] = []
        for each in ROOT.iterdir():
            if each.name not in HIDDEN:
                (folder / each.name).symlink_to(each)

    def run(self, block: Block) -> None:
        """Every command of a block; fails with what was said when one of them does."""
        text = block.text if block.language == "sh" else "\n".join(block.commands)
        text = self._written.sub(lambda written: self._instead[written[0]], text)
        for number, part in enumerate(STAYS.split(text)):
            if number % 2:
                self._stay(part)
            elif part.strip():
                self._do(block, part)

    def _do(self, block: Block, text: str) -> None:
        script = f"set -eo pipefail\n{self._known()}{text}\nexport -p > {self._exports}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block} ended with {done.returncode}:\n{text}\n{done.stdout}{done.stderr}"

    def _stay(self, command: str) -> None:
        # Its ready line, on which the page's reader waits too.
        environment = self._environment() | self._exported()
        program, *arguments = shlex.split(command)
        found = shutil.which(program, path=environment["PATH"])
        assert found, program
        told = self.folder / f".terminal-{len(self.staying)}"
        self.staying.append(Loa(arguments, environment, told, command=(found,), cwd=self.folder))
        assert self.staying[-1].wait_ready()["ready"]

    def stop(self) -> None:
        """Ctrl-C in every terminal; what stayed ends in order."""
        staying, self.staying = self.staying, []
        try:
            for process in staying:
                process.ctrl_c()
            for process in staying:
                assert process.popen.wait(60) == 0, process.said[-3000:]
        finally:
            for process in staying:
                process.end()

    def _environment(self) -> dict[str, str]:
        """Ours, without settings, and with the commands of the development environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return kept | {"PATH": path} | dict(self._more)

    def _known(self) -> str:
        return f". {self._exports}\n" if self._exports.exists() else ""

    def _exported(self) -> dict[str, str]:
        done = subprocess.run(["bash", "-c", f"{self._known()}env -0"], capture_output=True, text=True, check=True)
        return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if "=" in pair)
