"""How the first fetch of the broker is shown to people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Progress = Callable[[str, int], None]
"""Called with what is being done, and the bytes fetched so far."""

_MEGABYTE = 1_000_000
_LINE_EVERY_BYTES = 10 * _MEGABYTE


def quiet(_doing: str, _bytes: int) -> None:
    """Show nothing."""


@contextmanager
def shown_on_stderr() -> Iterator[Progress]:
    """Show progress on standard error: a spinner on a terminal, a line every 10 MB anywhere else."""
    if not sys.stderr.isatty():
        yield plain_lines(sys.stderr)
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda doing, size: status.update(_line(doing, size))


def plain_lines(stream: TextIO) -> Progress:
    """Write a line when something else is being done, and after every 10 MB."""
    shown: tuple[str, int] | None = None

    def show(doing: str, size: int) -> None:
        nonlocal shown
        step = (doing, size // _LINE_EVERY_BYTES)
        if step != shown:
            shown = step
            print(_line(doing, size), file=stream, flush=True)

    return show


def _line(doing: str, size: int) -> str:
    return f"{doing} ({size / _MEGABYTE:.0f} MB)" if size else doing
