"""`loa storage`: a store copied into another, and looked through."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from storage.copying import Copied, Copy, Outcome
from storage.expiry import SHARDS
from storage.opening import open_store, same_place
from storage.store import Store
from streams.cli.common import Json, configured, print_json, progress_bar
from streams.parts import open_files
from streams.readers.bookmark import Bookmark

SHOWN = (Outcome.COPIED, Outcome.UPDATED, Outcome.THERE, Outcome.AHEAD, Outcome.GONE, Outcome.CONFLICT)

storage = typer.Typer(
    help="Copy all audio and metadata from one place to another, or look through a store for what does not fit.",
    no_args_is_help=True,
)


def _shard(digit: str) -> str:
    if len(digit) > 1 or digit not in SHARDS:
        raise typer.BadParameter(f"{digit}: one of {SHARDS}")
    return digit


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
    limit: Annotated[int | None, typer.Option(min=1, help="look at no more files than so many")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="go on from where this file says, and note there how far it came"),
    ] = None,
    shard: Annotated[
        str, typer.Option(parser=_shard, metavar="DIGIT", help="only file ids that begin with this hex digit")
    ] = "",
    beside_index: Annotated[bool, typer.Option("--index", help="hold each file against the index too")] = False,
    read: Annotated[bool, typer.Option(help="read all audio, and compare its SHA-256")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="mend what is safe to mend: expiry markers, and the index from the store")
    ] = False,
    grace: Annotated[
        float,
        typer.Option(min=0, help="seconds that clean-up may take beyond its interval, and the index may be behind"),
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Look through the store, some files at a time, for what does not fit; exits 1 if such is left.

    Metadata without audio, audio without metadata and marker, wrong sizes, missing markers, what clean-up should
    have removed, and with --index what the index says otherwise. Does not read the log: `loa audit` does.
    """
    from streams.index import open_index
    from streams.readers.store_check import StoreCheck  # the audit's, which takes long to import
    from streams.readers.store_repair import StoreRepair

    settings = configured()
    files = open_files(settings)
    index = open_index(settings) if beside_index else None
    counts: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    try:
        looking = StoreCheck(files, settings, grace, read, shard, index)
        mending = StoreRepair(files, index) if repair else None
        bookmark = Bookmark(resume, {"storage": settings.storage_dir, "shard": shard}) if resume else None
        after = bookmark.read() if bookmark else ""
        flaws = looking.run(after, limit, bookmark.put if bookmark else lambda _: None)
        with progress_bar() as progress:
            for kind, example in chain(flaws, looking.overdue() if not after else ()):
                repaired = mending is not None and mending.mend(kind, example["file"])
                counts[kind.value] += 1
                mended[kind.value] += repaired
                progress("checking", looking.looked_at, 0)
                _found(kind.value, kind.text, {**example, "repaired": repaired}, as_json=as_json)
        more = looking.last if limit is not None and looking.looked_at == limit else None
        if bookmark and more is None:
            bookmark.remove()
    finally:
        files.store.close()
        if index:
            index.close()
    _told(looking.looked_at, more, counts, mended, resumes=bookmark is not None, as_json=as_json)
    raise typer.Exit(1 if counts.total() > mended.total() else 0)


def _told(
    looked_at: int, more: str | None, counts: Counter[str], mended: Counter[str], *, resumes: bool, as_json: bool
) -> None:
    """How a check ended. `more`: the last file, if there are others behind it."""
    if as_json:
        told = {"done": more is None, "looked_at": looked_at, "after": more}
        print_json({**told, "findings": counts, "repaired": +mended})
    else:
        typer.echo(f"{looked_at} files looked at, {counts.total()} findings, {mended.total()} repaired")
        if more:
            typer.echo(
                f"looked at up to {more}" + ("" if resumes else "; with --resume FILE the next run goes on there")
            )


def _found(kind: str, text: str, example: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"kind": kind, "meaning": text, **example})
    else:
        repaired = " (repaired)" if example["repaired"] else ""
        typer.echo(f"{kind}: {example['file']}: {example['detail']}{repaired}")


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
