"""Commands in the documents exist, with the options that are written there."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from streams.cli import app
from tests.documents.blocks import ROOT, blocks, documents

LOA: Any = typer.main.get_command(app)
USAGE_ERROR = typer.BadParameter.__mro__[1]
TARGETS = set(re.findall(r"^([a-z%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
ENDS = {"|", "||", "&&", ";", "&", ">", "2>", ">>", "<", "(", ")"}
INDENTED = re.compile(r"^ {4}((?:loa|make) .*)$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`((?:loa|make) [^`\n]+)`(?!`)")


def calls(line: str) -> Iterator[list[str]]:
    """The calls of `loa` and `make` in a line, each from its first word on."""
    lexer = shlex.shlex(re.sub(r"\bsudo (-\w \S+ )*", "", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # no line of a shell
        return
    call: list[str] = []
    begins = True
    for word in [*words, ";"]:
        name = "" if "=" in word else word.rpartition("/")[2]
        if word in ENDS:
            yield from [call] if call else []
            call, begins = [], True
        elif call or (begins and name in {"loa", "make"}):
            call.append(word if call else name)
        else:  # a variable, or the words of docker and kubectl before what they run
            begins = word in {"--", "worker", "gateway"} or "=" in word.split("/")[0]


def typed() -> list[tuple[str, tuple[str, ...]]]:
    lines = [(str(block), line) for page in documents() for block in blocks(page) for line in block.commands]
    lines += [(page.name, line) for page in documents() for line in INDENTED.findall(page.read_text())]
    return list(dict.fromkeys((where, tuple(call)) for where, line in lines for call in calls(line)))


def mentioned() -> list[tuple[str, str]]:
    found = [(p.relative_to(ROOT).as_posix(), text) for p in documents() for text in INLINE.findall(p.read_text())]
    return list(dict.fromkeys(found))


def reached(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words call, and what is left of them."""
    command = LOA
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if getattr(command, "commands", None) and words:
        assert words[0].startswith("-"), f"{command.name} has no command {words[0]}"
    return command, words


def makes(target: str) -> bool:
    script = target.removeprefix("bench-").replace("-", "_")
    return target in TARGETS or (target.startswith("bench-") and (ROOT / f"benchmarks/{script}.py").exists())


def test_there_are_many() -> None:
    assert len(typed()) > 60
    assert len(mentioned()) > 60


@pytest.mark.parametrize(("where", "words"), typed())
def test_what_is_typed_is_understood(where: str, words: tuple[str, ...]) -> None:
    if words[0] == "make":
        assert makes(words[1]), where
        return
    command, rest = reached(list(words[1:]))
    with contextlib.suppress(typer.Exit):  # `--version` and `--help` have answered
        command.make_context(command.name, list(rest))  # raises what the command would answer


@pytest.mark.parametrize(("where", "text"), mentioned())
def test_what_is_mentioned_exists(where: str, text: str) -> None:
    name, *words = text.split()
    if name == "make":
        assert makes(words[0]), where
        return
    command, rest = reached([word for word in words if word != "…"])
    options = {option for each in command.params for option in each.opts + each.secondary_opts}
    for word in rest:
        assert not re.match(r"--?[a-z]", word) or word.strip("[]") in options, f"{where}: {word}"


@pytest.mark.parametrize(
    "wrong", ["loa speak", "loa say", "loa say hi --vioce x", "loa dlq burn", "loa dlq list --code x"]
)
def test_what_is_wrong_would_be_found(wrong: str) -> None:
    with pytest.raises((AssertionError, USAGE_ERROR)):
        test_what_is_typed_is_understood("here", tuple(next(calls(wrong))))


def test_every_reason_is_told() -> None:
    for page in documents():
        for block in blocks(page):
            assert not block.not_run or len(block.not_run) > 15, block
