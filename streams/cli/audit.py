"""`loa replay`, `loa trace` and `loa audit`: the log read again, without any worker noticing."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from storage.records import file_id, iso
from streams.cli.common import Json, configured, print_json, print_rows, progress_bar
from streams.parts import open_files
from streams.readers.audit import GRACE_SECONDS, Report, Scope, audit
from streams.readers.audit.page import page
from streams.readers.identity import file_of
from streams.readers.lines import line
from streams.readers.replay import moment, replay
from streams.readers.trace import Story, trace
from streams.settings import Settings
from streams.topics import RETENTION_DAYS, Topics

COLOURS = {"completed": "green", "failed": "red", "requests.dlq": "red", "deleted": "yellow", "progress": "dim"}


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Since = Annotated[
    datetime | None,
    typer.Option(parser=_moment, metavar="TIME", help="from this time: 2025-01-03T10:00:00Z, or so long ago: 2h, 7d"),
]
Until = Annotated[datetime | None, typer.Option(parser=_moment, metavar="TIME", help="up to, not including, this time")]


def replay_topics(
    topic: Annotated[
        list[str] | None, typer.Option(help=f"only these of {', '.join(RETENTION_DAYS)}, or of a pool's; default: all")
    ] = None,
    since: Since = None,
    until: Until = None,
    tenant: Annotated[str | None, typer.Option(help="only this tenant's")] = None,
    request_id: Annotated[
        str | None, typer.Option(help="only what is about this request (of the tenant, or of `default`)")
    ] = None,
) -> None:
    """Write what the log has as JSON lines, each partition in its order; ends at what is there when it begins."""
    settings = configured()
    there = [topic.short for topic in Topics(settings)]
    wrong = sorted(set(topic or ()) - set(there))
    if wrong:
        raise typer.BadParameter(f"{', '.join(wrong)}: choose from {', '.join(there)}", param_hint="--topic")
    asyncio.run(_replay(settings, topic or there, since, until, tenant, request_id))


async def _replay(
    settings: Settings,
    shorts: list[str],
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    request_id: str | None,
) -> None:
    names = {Topics(settings)[short].name: short for short in shorts}
    wanted = file_id(tenant or "default", request_id) if request_id else None
    async for record in replay(settings, list(names), since, until):
        if wanted or tenant:
            about, whose = file_of(record, names[record.topic], settings)
            if (wanted and about != wanted) or (tenant and not wanted and whose != tenant):
                continue
        print_json(line(record))


def trace_request(
    id: Annotated[str, typer.Argument(help="a request id, or a file id")],  # noqa: A002
    tenant: Annotated[str, typer.Option(help="whose request it is")] = "default",
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Tell one request's story in the order of time, and what the store has of it now; exits 1 if there is nothing."""
    settings = configured()
    files = open_files(settings)
    try:
        story = asyncio.run(trace(settings, files, id, tenant, since))
    finally:
        files.store.close()
    if as_json:
        for each in story.lines():
            print_json(each)
    else:
        _tell(story, id)
    raise typer.Exit(0 if story.known else 1)


def _tell(story: Story, name: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not story.known:
        typer.echo(f"loa: neither log nor store know {name}", err=True)
        return
    console.print("  ".join([f"[bold]{name}[/]", f"file {story.file_id}", *(f"trace {n}" for n in story.trace_ids)]))
    if story.steps:
        began = story.steps[0].time
        console.print(f"[dim]{iso(began)}[/]")
        for step in story.steps:
            seconds = (step.time - began).total_seconds()
            colour = COLOURS.get(step.short, "default")
            console.print(f"{seconds:+11.3f} s  [{colour}]{step.short:14}[/]", end="")
            console.print(f"{step.what}  ({step.place})", markup=False)
    about = story.metadata
    now = {
        "record": f"stored until {about.get('expires_at')}: {about.get('file_path')}",
        "tombstone": f"deleted at {about.get('deleted_at')} ({about.get('reason')})",
        "failure": f"failed for good at {about.get('failed_at')} ({about.get('code')})",
        "damaged": "metadata that cannot be read",
        "nothing": "nothing in the store",
    }
    console.print(f"{'now':>11}    {now[story.stored]}", markup=False)


def audit_log(
    since: Since = None,
    until: Until = None,
    tenant: Annotated[str | None, typer.Option(help="only this tenant's")] = None,
    grace: Annotated[
        float, typer.Option(min=0, help="seconds that outcomes, events and clean-up may take beyond their time")
    ] = GRACE_SECONDS,
    resynthesize: Annotated[
        int, typer.Option(min=0, metavar="N", help="speak so many results again and compare their samples")
    ] = 0,
    html: Annotated[Path | None, typer.Option(help="write a page with charts to this file too")] = None,
    as_json: Json = False,
) -> None:
    """Hold the log and the store against each other; exits 0 only if every guarantee held, 1 if not.

    Reads all topics and all files, changes nothing, and no worker notices.
    """
    settings = configured()
    report = asyncio.run(_audit(settings, Scope(since, until, tenant, grace, resynthesize)))
    if html:
        html.write_text(page(report), encoding="utf-8")
    print_json(report.data()) if as_json else _show(report)
    raise typer.Exit(0 if report.held else 1)


async def _audit(settings: Settings, scope: Scope) -> Report:
    files = open_files(settings)
    try:
        with progress_bar() as progress:
            return await audit(settings, files, scope, progress)
    finally:
        files.store.close()


def _show(report: Report) -> None:
    """For people: figures, then what was found."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items()))
    for title, counts in (("failures", report.failures), ("dead letters", report.dead_letters)):
        if counts:
            console.print(f"{title}: " + ", ".join(f"{code or 'no reason'} {count}" for code, count in counts.items()))
    if report.usage:
        rows = [
            {
                "tenant": each.tenant,
                "model": each.model,
                "requests": each.requests,
                "audio": f"{each.audio_seconds:.1f} s",
                "cost": f"{each.synthesis_seconds:.1f} s",
            }
            for each in report.usage
        ]
        print_rows(("tenant", "model", "requests", "audio", "cost"), rows, as_json=False)
    for note in report.notes:
        console.print(note, style="dim", markup=False)
    for kind, found in report.findings.items():
        console.print(f"[bold red]{kind.value}[/]  {found.count}: {kind.text}")
        for example in found.examples:
            console.print("    " + ", ".join(f"{name} {value}" for name, value in example.items()), markup=False)
    console.print(report.verdict, style="bold green" if report.held else "bold red", highlight=False)
