"""`loa storage`: a store copied into another, and looked through."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Annotated, Any

import typer

from storage.copying import Copied, Copy, Outcome
from storage.opening import open_store, same_place
from storage.store import Store
from streams.cli.common import Json, configured, print_json, progress_bar
from streams.parts import open_files

SHOWN = (Outcome.COPIED, Outcome.UPDATED, Outcome.THERE, Outcome.AHEAD, Outcome.GONE, Outcome.CONFLICT)

storage = typer.Typer(
    help="Copy all audio and metadata from one place to another, or look through a store for what does not fit.",
    no_args_is_help=True,
)


@storage.command("copy")
def copy(
    source: Annotated[str, typer.Argument(help="from: a directory, or s3://…, gs://…, az://…")],
    target: Annotated[str, typer.Argument(help="to: likewise")],
    threads: Annotated[int, typer.Option(min=1, max=256, help="how many keys are copied at once")] = 8,
    as_json: Json = False,
) -> None:
    """Copy a store into another, checking each key by reading it back; again, it goes on from where it was.

    Both may be in use. Nothing is deleted. Exits 1 if a key has other bytes in the copy, and tells which.
    """
    configured()
    if same_place(source, target):
        raise typer.BadParameter(f"{source} and {target} are the same place")
    there, copied = _opened(source), _opened(target)
    began = time.monotonic()
    try:
        copied.probe()
        counts, size = _run(Copy(there, copied, threads), as_json=as_json)
    finally:
        there.close()
        copied.close()
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        print_json({"done": True, **{each.value: counts[each] for each in SHOWN}, "bytes": size, "seconds": seconds})
    else:
        typer.echo(", ".join(f"{counts[each]} {each}" for each in SHOWN) + f"; {size} bytes in {seconds:.1f} s")
    raise typer.Exit(1 if counts[Outcome.CONFLICT] else 0)


@storage.command("check")
def check(
    after: Annotated[str, typer.Option(help="go on after this file id, as the last run told")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="look at no more files than so many")] = None,
    read: Annotated[bool, typer.Option(help="read all audio, and compare its SHA-256")] = False,
    grace: Annotated[float, typer.Option(min=0, help="seconds that clean-up may take beyond its interval")] = 60.0,
    as_json: Json = False,
) -> None:
    """Look through the store, some files at a time, for what does not fit; exits 1 if there is such.

    Metadata without audio, audio without metadata and marker, wrong sizes, missing markers, and what clean-up should
    have removed. Needs neither log nor index: `loa audit` and `loa index check` hold those against the store.
    """
    from streams.readers.store_check import StoreCheck  # the audit's, which takes long to import

    settings = configured()
    files = open_files(settings)
    counts: Counter[str] = Counter()
    try:
        looking = StoreCheck(files, settings, grace, read)
        with progress_bar() as progress:
            for kind, example in chain(looking.run(after, limit), looking.overdue() if not after else ()):
                counts[kind.value] += 1
                progress("checking", looking.looked_at, 0)
                _found(kind.value, kind.text, example, as_json=as_json)
    finally:
        files.store.close()
    more = looking.last if limit is not None and looking.looked_at == limit else None
    if as_json:
        print_json({"done": more is None, "looked_at": looking.looked_at, "after": more, "findings": counts})
    else:
        typer.echo(f"{looking.looked_at} files looked at, {counts.total()} findings")
        if more:
            typer.echo(f"go on with --after {more}")
    raise typer.Exit(1 if counts else 0)


def _found(kind: str, text: str, example: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"kind": kind, "meaning": text, **example})
    else:
        typer.echo(f"{kind}: {example['file']}: {example['detail']}")


def _opened(place: str) -> Store:
    try:
        return open_store(place)
    except ValueError as error:
        raise typer.BadParameter(f"{place}: {error}") from error


def _run(copy: Copy, *, as_json: bool) -> tuple[Counter[Outcome], int]:
    """Copy, and tell each conflict as it is found; returns how many keys ended how, and the bytes that were moved."""
    counts: Counter[Outcome] = Counter()
    size = 0
    with progress_bar() as progress:
        for each in copy.run():
            counts[each.outcome] += 1
            size += each.size
            progress("copying", counts.total(), 0)
            if each.outcome == Outcome.CONFLICT:
                _tell(each, as_json=as_json)
    return counts, size


def _tell(conflict: Copied, *, as_json: bool) -> None:
    told: dict[str, Any] = {"key": conflict.key, "outcome": conflict.outcome, "detail": conflict.detail}
    if as_json:
        print_json(told)
    else:
        typer.echo(f"conflict: {conflict.key}: {conflict.detail}", err=True)
