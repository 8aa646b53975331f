"""Makes docs/images/dashboard.png: the dashboard over what a real Prometheus has of a real Loa that is busy.

make screenshots        (needs Prometheus)

Queries, places, units and legends are those of deploy/grafana/loa.json; it is drawn by Matplotlib, not by Grafana.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, MinuteLocator
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from streams.broker import EmbeddedBroker
from tests.kafka.busy import busy
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.prometheus import BOARD, Line, Prometheus
from tests.programs import program

PICTURE = Path(__file__).parent / "images/dashboard.png"
SECONDS, SCRAPE, PER_SECOND = 180, 2, 2
MODELS = "hibari", "espeak", "tone"

COLUMN, ROW, GAP, DOTS_PER_INCH = 70, 30, 4, 100
"""Of the dashboard's grid of 24 columns, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 74
"""What is around a panel's lines."""
MOST_NAMED, MOST_COLUMNS = 8, 4
LEGEND: dict[str, Any] = {
    "fontsize": 6.5,
    "frameon": False,
    "handlelength": 1,
    "columnspacing": 1,
    "handletextpad": 0.4,
    "labelspacing": 0.25,
}

GREEN, RED, GREY, PAPER = "#37872d", "#e02f44", "#8e8e8e", "#f4f5f5"
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#8ab8ff", "#b877d9", "#705da0", "#37872d", "#c4162a")
BINARY = ("B", "KiB", "MiB", "GiB")
RATES = {"reqps": " req/s", "cps": " c/s"}


def scale(value: float, unit: str) -> tuple[float, str]:
    """What a value is shown in, and how that is called; units are called as Grafana calls them."""
    if unit == "percentunit":
        return 0.01, " %"
    if unit in {"bytes", "Bps"}:
        power = max((n for n in range(len(BINARY)) if value >= 1024**n), default=0)
        return 1024**power, f" {BINARY[power]}{'/s' if unit == 'Bps' else ''}"
    if unit == "s":
        return (60, " min") if value >= 120 else (1, " s") if value >= 1 else (0.001, " ms")
    return 1, RATES.get(unit, "")


def shown(value: float, unit: str) -> str:
    """A value as a person reads it."""
    size, name = scale(value, unit)
    return f"{value / size:.3g}{name}"


class Drawing:
    """A figure in pixels, from the top, as the dashboard's grid is."""

    def __init__(self) -> None:
        places = [panel["gridPos"] for panel in BOARD["panels"]]
        self._width = COLUMN * max(at["x"] + at["w"] for at in places)
        self._height = ROW * max(at["y"] + at["h"] for at in places)
        self._figure = Figure((self._width / DOTS_PER_INCH, self._height / DOTS_PER_INCH), facecolor=PAPER)

    def box(self, panel: dict[str, Any]) -> tuple[int, int, int, int]:
        """Left, top, width and height of a panel, with its frame and its title drawn."""
        at = panel["gridPos"]
        x, y, width, height = at["x"] * COLUMN, at["y"] * ROW, at["w"] * COLUMN, at["h"] * ROW
        heading = panel["type"] == "row"
        if not heading:
            corner = self._at(x + GAP, y + height - GAP)
            size = (width - 2 * GAP) / self._width, (height - 2 * GAP) / self._height
            look = {"facecolor": "white", "edgecolor": "#dddddd", "zorder": -1}
            self._figure.add_artist(Rectangle(corner, *size, transform=self._figure.transFigure, **look))
        self.text(x + 12, y + 20, panel["title"], size=10 if heading else 9, weight="bold")
        return x, y, width, height

    def text(self, x: float, y: float, text: str, **how: Any) -> None:
        self._figure.text(*self._at(x, y), text, **how)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        left, bottom = self._at(x, y + height)
        return self._figure.add_axes((left, bottom, width / self._width, height / self._height))

    def save(self, path: Path) -> None:
        self._figure.savefig(path, dpi=DOTS_PER_INCH, facecolor=PAPER)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return x / self._width, 1 - y / self._height


def draw(drawing: Drawing, panel: dict[str, Any], lines: list[Line]) -> None:
    """One panel."""
    place = drawing.box(panel)
    if panel["type"] == "row":
        return
    if panel["type"] == "stat":
        draw_number(drawing, place, panel["fieldConfig"]["defaults"], lines[0])
        return
    x, y, width, height = place
    axes = drawing.axes(x + LEFT, y + TOP, width - LEFT - RIGHT, height - TOP - BOTTOM)
    for line, colour in zip(lines, COLOURS * len(lines), strict=False):
        draw_line(axes, line, colour, line.name if lines.index(line) < MOST_NAMED else "_")
    axes.set_ylim(bottom=0, top=None if top_of(lines) else 1)
    label(axes, panel["fieldConfig"]["defaults"]["unit"])
    columns = max(1, (width - LEFT) // (6 * max((len(line.name) for line in lines), default=1) + 30))
    axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.14), ncols=min(columns, MOST_COLUMNS), **LEGEND)


def top_of(lines: list[Line]) -> float:
    """The highest value."""
    return max((value for line in lines for _, value in line.points), default=0)


def label(axes: Axes, unit: str) -> None:
    """Ticks at round numbers of what the highest value is shown in, and a quiet grid."""
    size, name = scale(axes.get_ylim()[1], unit)
    ticks = MaxNLocator(4).tick_values(0, axes.get_ylim()[1] / size)
    axes.set_yticks(ticks[:-1] * size, [f"{tick:.3g}{name}" for tick in ticks[:-1]])
    axes.xaxis.set_major_locator(MinuteLocator())
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axes.tick_params(labelsize=7, length=0, colors="#555555")
    axes.grid(color="#eeeeee", linewidth=0.8)
    axes.spines[:].set_visible(False)


def draw_number(drawing: Drawing, place: tuple[int, int, int, int], defaults: dict[str, Any], line: Line) -> None:
    """The last value, above its course."""
    x, y, width, height = place
    last = line.points[-1][1]
    red = any(step["color"] == "red" and last >= step["value"] for step in defaults["thresholds"]["steps"])
    colour = RED if red else GREEN
    axes = drawing.axes(x + GAP, y + height * 0.6, width - 2 * GAP, height * 0.4 - GAP)
    draw_line(axes, line, colour, "_")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.set_axis_off()
    number = shown(last, defaults["unit"])
    drawing.text(x + width / 2, y + height * 0.57, number, size=20, weight="bold", color=colour, ha="center")


def draw_line(axes: Axes, line: Line, colour: str, name: str) -> None:
    """A line, and a breath of colour below it."""
    times = [datetime.fromtimestamp(at, UTC) for at, _ in line.points]
    values = [value for _, value in line.points]
    axes.plot(times, values, color=colour, linewidth=1.1, label=name)
    axes.fill_between(times, values, color=colour, alpha=0.1, linewidth=0)


async def main() -> None:
    """The picture, after some minutes."""
    if program("prometheus") is None:
        sys.exit("No Prometheus is installed: the dashboard is not drawn.")
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder, "kafka")) as broker:
        site = Installation(Kafka(broker.bootstrap), "tts", Path(folder, "loa"), {"TTS_ENGINE_PROCESSES": "2"})
        try:
            async with busy(site, PER_SECOND, MODELS) as targets:
                with Prometheus.started(Path(folder, "prometheus"), targets, SCRAPE) as prometheus:
                    await asyncio.sleep(SECONDS)
                    drawing = Drawing()
                    for panel in BOARD["panels"]:
                        found = [prometheus.lines(target, SECONDS) for target in panel.get("targets", ())]
                        draw(drawing, panel, [line for lines in found for line in lines])
        finally:
            site.end()
    drawing.save(PICTURE)


if __name__ == "__main__":
    asyncio.run(main())
