"""A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape

from storage.records import iso
from streams.readers.audit.findings import Finding, Kind, Report

WIDTH, HEIGHT = 720, 160
BAR, GAP = 22, 6

LEGEND = (("asked", "asked"), ("good", "completed"), ("bad", "failed"))

STYLE = """
:root { color-scheme: light dark; --asked: #8ab; --good: #2a8a4a; --bad: #c0392b; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 .held { color: var(--good); } h1 .broken { color: var(--bad); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .75rem .25rem 0;
border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; } code { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
.asked { fill: var(--asked); } .good { fill: var(--good); } .bad { fill: var(--bad); }
"""


def page(report: Report) -> str:
    """The whole page."""
    verdict = f'<span class="{"held" if report.held else "broken"}">{report.verdict}</span>'
    span = f"from {iso(report.since) if report.since else 'the beginning of the log'}"
    span += f" to {iso(report.until or report.at)}" + (f", tenant {report.tenant}" if report.tenant else "")
    sections = [
        f"<h1>Loa audit: {verdict}</h1><p>{escape(span)}</p>",
        _table(("", "count"), ((name.replace("_", " "), count) for name, count in report.counts.items())),
        *(_section("Findings", _findings(report.findings)) if report.findings else ()),
        *_section("Requests over time", _history(report)),
        *_section("Failures", _bars(report.failures.items(), "bad")),
        *_section("Dead letters", _bars(report.dead_letters.items(), "bad")),
        *_section("Seconds of audio", _bars(_per_model(report, "audio_seconds"), "good")),
        *_section("Cost: seconds of work", _bars(_per_model(report, "synthesis_seconds"), "asked")),
        *_section("Usage", _usage(report)),
        *_section("Notes", "".join(f"<p>{escape(note)}</p>" for note in report.notes)),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>Loa audit, {iso(report.at)}</title><style>{STYLE}</style>"
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(sections) + "\n</body></html>\n"
    )


def _section(title: str, content: str) -> Sequence[str]:
    return (f"<h2>{escape(title)}</h2>", content) if content else ()


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Numbers to the right, and the heads over them too."""
    filled = list(rows)
    numbers = {n for row in filled for n, cell in enumerate(row) if isinstance(cell, int | float)}
    lines = ["".join(f"<th{' class=n' if n in numbers else ''}>{escape(cell)}</th>" for n, cell in enumerate(head))]
    for row in filled:
        cells = (
            f'<td class="n">{cell:,}</td>' if isinstance(cell, int | float) else f"<td>{escape(str(cell))}</td>"
            for cell in row
        )
        lines.append("".join(cells))
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _findings(findings: dict[Kind, Finding]) -> str:
    rows = []
    for kind, found in findings.items():
        examples = "<br>".join(
            "<code>" + escape(", ".join(f"{name} {value}" for name, value in case.items())) + "</code>"
            for case in found.examples
        )
        rows.append(
            f'<tr><td><b>{kind.value}</b><br>{escape(kind.text)}</td><td class="n">{found.count:,}</td>'
            f"<td>{examples}</td></tr>"
        )
    return f"<table><tr><th></th><th class=n>count</th><th>such as</th></tr>{''.join(rows)}</table>"


def _per_model(report: Report, figure: str) -> list[tuple[str, float]]:
    return [(f"{each.tenant}, {each.model}", round(getattr(each, figure), 2)) for each in report.usage]


def _usage(report: Report) -> str:
    if not report.usage:
        return ""
    rows = (
        (u.tenant, u.model, u.requests, u.characters, round(u.audio_seconds, 2), round(u.synthesis_seconds, 2))
        for u in report.usage
    )
    return _table(("tenant", "model", "requests", "characters", "seconds of audio", "seconds of work"), rows)


def _bars(values: Iterable[tuple[str, float]], colour: str) -> str:
    """One bar each, with its name and number."""
    rows = list(values)
    most = max((value for _, value in rows), default=0) or 1
    height = len(rows) * (BAR + GAP)
    parts = []
    for number, (name, value) in enumerate(rows):
        y, width = number * (BAR + GAP), max(1.0, value / most * (WIDTH - 340))
        parts.append(
            f'<text x="0" y="{y + 15}">{escape(name or "no reason")}</text>'
            f'<rect class="{colour}" x="240" y="{y}" width="{width:.1f}" height="{BAR}"/>'
            f'<text x="{245 + width:.1f}" y="{y + 15}">{value:,}</text>'
        )
    return _svg(height, parts) if rows else ""


def _history(report: Report) -> str:
    """Requests behind, and before them what they became."""
    if not report.history:
        return ""
    most = max(max(asked, completed + failed) for _, asked, completed, failed in report.history) or 1
    step = WIDTH / len(report.history)
    parts = []
    for number, (time, asked, completed, failed) in enumerate(report.history):
        title = f"<title>{iso(time)}: {asked} asked, {completed} completed, {failed} failed</title>"
        bars = [("asked", asked, 0, 0.9), ("good", completed, 0, 0.6), ("bad", failed, completed, 0.6)]
        drawn = "".join(
            f'<rect class="{name}" x="{number * step:.1f}" y="{HEIGHT - (count + base) / most * HEIGHT:.1f}" '
            f'width="{step * share:.1f}" height="{count / most * HEIGHT:.1f}"/>'
            for name, count, base, share in bars
            if count
        )
        parts.append(f"<g>{title}{drawn}</g>")
    first, last = report.history[0][0], report.history[-1][0]
    parts.append(f'<text x="0" y="{HEIGHT + 16}">{iso(first)}</text>')
    parts.append(f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{iso(last)}</text>')
    square = '<svg width="12" height="12"><rect class="{}" width="12" height="12"/></svg> {}'
    legend = ", ".join(square.format(name, what) for name, what in LEGEND)
    return _svg(HEIGHT + 24, parts) + f"<p>{legend}</p>"


def _svg(height: int, parts: Iterable[str]) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box}>{"".join(parts)}</svg>'
