"""The clients of examples/, made ready to be run; a test is skipped where the tools of their language are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.kafka.processes import PATIENCE
from tests.node import Node

EXAMPLES = Path(__file__).parents[2] / "examples"
AWAY = ("no such host", "dial tcp", "Could not transfer artifact", "Unknown host", "Connection refused")
"""What is said where the packages of a language cannot be fetched."""

RESET = "\x1b[0m"
"""Debian's Maven writes it whatever it is told."""

SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Of Java, for a program that ends at once: what it compiles to the best it has no time to run."""

Command = Callable[..., list[str]]
"""Broker, text and file, or the first two, to the command line that speaks."""


def _needed(tool: str) -> str:
    path = shutil.which(tool)
    if not path:
        pytest.skip(f"there is no {tool} here")
    return path


def _made(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"MAVEN_OPTS": SHORT}, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode and any(word in said for word in AWAY):
        pytest.skip(f"{command[0]} reaches no registry: {said[:200]}")
    assert done.returncode == 0, said


def _copied(name: str, folder: Path) -> Path:
    """Building leaves files: never in examples/ itself."""
    shutil.copytree(
        EXAMPLES / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "target")
    )
    return folder


def aiokafka(_: Path) -> Command:
    return lambda *rest: [sys.executable, str(EXAMPLES / "speak.py"), *rest]


def confluent(_: Path) -> Command:
    return lambda *rest: [sys.executable, str(EXAMPLES / "speak_confluent.py"), *rest]


def node(folder: Path) -> Command:
    Node(EXAMPLES / "node", folder)
    return lambda *rest: [_needed("node"), str(folder / "speak.js"), *rest]


def go(folder: Path) -> Command:
    _made([_needed("go"), "build", "-o", "speak", "."], _copied("go", folder))
    return lambda *rest: [str(folder / "speak"), *rest]


def java(folder: Path) -> Command:
    maven = [_needed("mvn"), "-q", "-B", "-f", str(_copied("java", folder) / "pom.xml")]
    _needed("javac")
    _made([*maven, "compile"], folder)
    return lambda *rest: [*maven, "exec:java", "-Dexec.args=" + " ".join(f'"{each}"' for each in rest)]


CLIENTS = (aiokafka, confluent, node, go, java)


def run(command: Sequence[str], prefix: str) -> tuple[int, str, str]:
    """A client to its end: status, standard output, and error."""
    environment = os.environ | {"TTS_TOPIC_PREFIX": prefix, "NODE_NO_WARNINGS": "1", "MAVEN_OPTS": SHORT}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return done.returncode, done.stdout.replace(RESET, ""), done.stderr.replace(RESET, "")
