"""Commands that the documents tell are commands of Loa: they are there, and so are their options and choices."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from streams.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")})
BEFORE = r"^\s*(?:\$ )?(?:sudo (?:-\S+ \S+ )?)?(?:[A-Z_]+=\S+ )*"
LOA = re.compile(rf"(?:{BEFORE}|-- |\| )(?:[\w./-]*/)?loa (.*)$")
IN_COMPOSE = re.compile(r"docker compose .* (?:run --rm|exec) worker (?:loa )?")
END = {"|", ">", ">>", "<", "&&", ";", "&"}


def told(text: str) -> Iterator[list[str]]:
    """The arguments of each `loa` in a document: lines of blocks, and words in backquotes."""
    blocks = re.findall(r"^ *```(?:\w*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for line in lines + [code.replace("\n", " ") for code in re.findall(r"`([^`]+)`", prose)]:
        if not (found := LOA.search(IN_COMPOSE.sub("loa ", line))):
            continue
        try:
            words = shlex.split(found[1], comments=True)
        except ValueError:  # a quote that goes on in the next line
            words = found[1].split()
        end = next((at for at, word in enumerate(words) if word in END), len(words))
        if words[:end] and re.match(r"[a-z-]", words[0]):
            yield words[:end]


def choices(hint: Any) -> list[str]:
    """The words that an option may have; none where it may have any."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(each.value) for each in hint]
    if get_origin(hint) is Literal:
        return [str(each) for each in get_args(hint)]
    return [word for each in get_args(hint) if each is not type(None) for word in choices(each)]


def wrong(words: list[str]) -> str | None:
    """What Loa would not understand of a command; None where it would. Words in capitals stand for something."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    options = {name: parameter for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for at, word in enumerate(rest):
        name, _, value = word.partition("=")
        if not name.startswith("-") or word == "-":
            continue
        if name not in options and name != "--help":
            return f"no option {name}"
        hint = get_type_hints(command.callback).get(options[name].name) if name in options else None
        value = value or (rest[at + 1] if at + 1 < len(rest) else "")
        if (allowed := choices(hint)) and not value.isupper() and value not in allowed:
            return f"{name} is not {value}"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_a_document_are_there(document: Path) -> None:
    assert [(" ".join(words), said) for words in told(document.read_text()) if (said := wrong(words))] == []


def test_commands_are_found() -> None:
    lines = ["$ .venv/bin/loa dlq list --code unknown_voice | jq", "kubectl exec x -- loa doctor", "helm install loa x"]
    text = "\n".join(["`loa say 'a b' -o x.wav`", "```", *lines, "```", ""])
    assert list(told(text)) == [["dlq", "list", "--code", "unknown_voice"], ["doctor"], ["say", "a b", "-o", "x.wav"]]
    assert sum(1 for document in DOCUMENTS for _ in told(document.read_text())) > 60


def test_what_is_wrong_is_seen() -> None:
    assert wrong(["dlq", "revive"]) == "no command revive"
    assert wrong(["audit", "--sincere", "7d"]) == "no option --sincere"
    assert wrong(["dlq", "list", "--code", "no_voice"]) == "--code is not no_voice"
    assert wrong(["dlq", "list", "--code", "CODE"]) is None
