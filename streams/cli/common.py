"""What every command does: read the settings, and print for a program or for a person."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from streams import logs, settings
from streams.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="print JSON lines")]


def configured() -> Settings:
    """The settings, with logging set up and unknown TTS_* names warned about. Raises SettingsError."""
    values = settings.load()
    logs.set_up(values.log_level, values.log_format)
    for warning in settings.unknown():
        sys.stderr.write(f"loa: {warning}\n")
    return values


def print_json(value: Mapping[str, Any]) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


def print_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Rows as JSON lines or as a table."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yields `progress(what, done, total)`: a bar on a terminal, one for each task; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done)

        yield progress
