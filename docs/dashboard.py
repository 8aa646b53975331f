"""Writes deploy/grafana/loa.json, the dashboard, from the table of its panels below.

.venv/bin/python docs/dashboard.py
"""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson

DASHBOARD = Path(__file__).parent.parent / "deploy/grafana/loa.json"

WIDTH, HEIGHT, SMALL = 24, 8, 4
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """`unit`: as Grafana calls it. `queries`: an expression and what its lines are called, each."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    says: str = ""
    kind: str = "timeseries"
    red: float | None = None


def stat(title: str, unit: str, expression: str, says: str = "", red: float | None = None) -> Panel:
    return Panel(title, unit, ((expression, ""),), says, "stat", red)


def lines(title: str, unit: str, *queries: tuple[str, str], says: str = "") -> Panel:
    return Panel(title, unit, queries, says)


def rate(metric: str, by: str = "", where: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{where}{RATE}))"


def lately(metric: str, by: str = "") -> str:
    """How many in five minutes."""
    return f"sum{f' by ({by})' if by else ''} (increase({metric}[5m]))"


def quantiles(metric: str, by: str, *parts: float) -> tuple[tuple[str, str], ...]:
    """Lines of a histogram's quantiles, by a label."""
    buckets = rate(f"{metric}_bucket", f"le, {by}")
    return tuple((f"histogram_quantile({part}, {buckets})", f"p{part * 100:.0f} {{{{{by}}}}}") for part in parts)


OF_A_STAT = {
    "colorMode": "value",
    "graphMode": "area",
    "justifyMode": "auto",
    "orientation": "auto",
    "percentChangeColorMode": "standard",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    "showPercentChange": False,
    "textMode": "auto",
    "wideLayout": True,
}
OF_LINES = {
    "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
    "tooltip": {"mode": "multi", "sort": "none"},
}

OWN_FAULTS = '{code=~"out_of_memory|synthesis_.+|audio_rejected|storage_failed|internal"}'

ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        stat("Workers", "none", "max(loa_group_members)", "in the consumer group"),
        stat("Queued speech", "s", "sum(max by (pool, lane) (loa_queued_speech_seconds))", "estimated"),
        stat(
            "Until it is spoken",
            "s",
            f"sum(max by (pool, lane) (loa_queued_speech_seconds)) / {rate('loa_audio_seconds_total')}",
            "at the speed of now",
            600,
        ),
        stat("Speech made", "none", rate("loa_audio_seconds_total"), "seconds of speech in a second"),
        stat("Outcomes", "reqps", rate("loa_requests_total")),
        stat(
            "Own faults",
            "percentunit",
            f"({rate('loa_requests_total', where=OWN_FAULTS)} or vector(0)) / {rate('loa_requests_total')}",
            "of all outcomes: failures that are not the request's own",
            0.02,
        ),
        stat("Oldest in hand", "s", "max(loa_window_age_seconds)", "nothing behind it is committed", 450),
        stat("Expired files", "short", "max(loa_store_expired_files)", "that wait for clean-up"),
    ),
    "Requests": (
        lines(
            "Completed, by model", "reqps", (rate("loa_requests_total", "model", '{outcome="completed"}'), "{{model}}")
        ),
        lines("Failed, by code", "reqps", (rate("loa_requests_total", "code", '{outcome="failed"}'), "{{code}}")),
        lines(
            "Tried again, moved, repeated",
            "cps",
            (rate("loa_retries_total", "code"), "tried again: {{code}}"),
            (rate("loa_moved_records_total", "to"), "moved to {{to}}"),
            (rate("loa_repeated_records_total"), "repeated"),
        ),
        lines("Wait in the queue", "s", *quantiles("loa_queue_seconds", "lane", 0.5, 0.95)),
        lines(
            "Taken up to committed",
            "s",
            *quantiles("loa_synthesis_seconds", "model", 0.5, 0.95),
            says="engines' turns, encoding and storing included",
        ),
        lines(
            "Outcomes, by tenant",
            "reqps",
            (rate("loa_tenant_requests_total", "tenant"), "{{tenant}}"),
            says="with TTS_METRICS_TENANTS alone",
        ),
    ),
    "Log": (
        lines("Records not passed by the group", "short", ("max by (topic) (loa_group_lag_records)", "{{topic}}")),
        lines(
            "Queued speech, estimated", "s", ("max by (pool, lane) (loa_queued_speech_seconds)", "{{pool}} {{lane}}")
        ),
        lines("Oldest record in hand", "s", ("loa_window_age_seconds", "{{instance}}")),
        lines(
            "Speech in hand, estimated", "s", ("sum by (instance, lane) (loa_in_hand_seconds)", "{{instance}} {{lane}}")
        ),
        lines(
            "Size of records in hand and read ahead",
            "bytes",
            ("loa_in_hand_bytes", "{{instance}} in hand"),
            ("sum by (instance) (loa_read_ahead_bytes)", "{{instance}} read ahead"),
        ),
        lines(
            "Unrest",
            "short",
            (lately("loa_rebalances_total", "instance"), "{{instance}} given partitions"),
            (lately("loa_commits_refused_total", "instance"), "{{instance}} commits refused"),
            (lately("loa_records_removed_unread_total"), "removed unread"),
            (lately("loa_reconciler_brought_back_total"), "brought back"),
            says="in five minutes",
        ),
    ),
    "Engines": (
        lines(
            "Speech made",
            "none",
            (rate("loa_audio_seconds_total", "model"), "{{model}}"),
            says="seconds of speech in a second",
        ),
        lines(
            "Real-time factor of a piece",
            "none",
            *quantiles("loa_engine_real_time_factor", "model", 0.5, 0.95),
            says="engine seconds for each second of speech",
        ),
        lines(
            "Pieces spoken together, on average",
            "none",
            (
                f"{rate('loa_engine_batch_pieces_sum', 'model')} / {rate('loa_engine_batch_pieces_count', 'model')}",
                "{{model}}",
            ),
        ),
        lines(
            "Processes",
            "none",
            ("sum(loa_engine_processes)", "can speak"),
            ("sum(loa_engine_processes_wanted)", "wanted"),
            ("sum(loa_engine_pieces)", "pieces in hand"),
        ),
        lines(
            "Restarts", "short", (lately("loa_engine_restarts_total", "models"), "{{models}}"), says="in five minutes"
        ),
        lines(
            "Audio refused by the check",
            "short",
            (lately("loa_gate_rejections_total", "model, criterion"), "{{model}}: {{criterion}}"),
            says="pieces in five minutes",
        ),
    ),
    "Store": (
        lines("Audio", "bytes", ("max(loa_store_bytes)", "there"), ("max(loa_store_expired_bytes)", "of it expired")),
        lines("Files", "short", ("max(loa_store_files)", "there"), ("max(loa_store_expired_files)", "of them expired")),
        lines(
            "Written and deleted",
            "Bps",
            (rate("loa_audio_bytes_total"), "written"),
            (rate("loa_deleted_bytes_total", "reason"), "deleted: {{reason}}"),
        ),
        lines(
            "Clean-up",
            "short",
            (lately("loa_deleted_files_total", "reason"), "deleted: {{reason}}"),
            (lately("loa_cleanup_errors_total"), "failed"),
            says="files in five minutes",
        ),
    ),
    "HTTP": (
        lines("Calls, by status", "reqps", (rate("loa_http_requests_total", "status"), "{{status}}")),
        lines("Time to the last byte", "s", *quantiles("loa_http_request_duration_seconds", "route", 0.95)),
        lines(
            "Held open",
            "short",
            ("sum(loa_http_waits)", "wait for an outcome"),
            ("sum(loa_http_event_streams)", "events"),
        ),
        lines("Jobs, by status", "short", ("max by (status) (loa_jobs)", "{{status}}")),
    ),
    "Webhooks": (
        lines("Attempts", "cps", (rate("loa_webhook_attempts_total", "result"), "{{result}}")),
        lines("Deliveries that ended", "cps", (rate("loa_webhook_deliveries_total", "state"), "{{state}}")),
        lines(
            "From event to delivered",
            "s",
            (f"histogram_quantile(0.95, {rate('loa_webhook_delivery_seconds_bucket', 'le')})", "p95"),
        ),
        lines("In hand", "short", ("sum(loa_webhook_deliveries_in_hand)", "deliveries")),
    ),
    "Processes": (
        lines("Answer Prometheus", "none", ('sum by (job) (up{job=~"(.+/)?loa-.+"})', "{{job}}")),
        lines("Memory", "bytes", ('process_resident_memory_bytes{job=~"(.+/)?loa-.+"}', "{{job}} {{instance}}")),
        lines(
            "Processor time",
            "percentunit",
            (f'rate(process_cpu_seconds_total{{job=~"(.+/)?loa-.+"}}{RATE})', "{{job}} {{instance}}"),
        ),
        lines("Gateway's dependencies", "none", ("min by (dependency) (loa_dependency_up)", "{{dependency}}")),
    ),
}


def dashboard() -> bytes:
    """The document that Grafana imports."""
    numbers, panels, y = count(1), [], 0
    for title, row in ROWS.items():
        panels.append(
            {
                "id": next(numbers),
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": _at(0, y, WIDTH, 1),
                "panels": [],
            }
        )
        y += 1
        small = all(panel.kind == "stat" for panel in row)
        across = len(row) if small else 3 if len(row) % 3 == 0 else 4
        width, height = WIDTH // across, SMALL if small else HEIGHT
        for place, panel in enumerate(row):
            at = _at(place % across * width, y + place // across * height, width, height)
            panels.append(_panel(panel, next(numbers), at))
        y += -(-len(row) // across) * height
    return orjson.dumps(_around(panels), option=orjson.OPT_INDENT_2) + b"\n"


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, number: int, at: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [] if panel.red is None else [{"color": "red", "value": panel.red}]
    targets = [
        {"refId": chr(ord("A") + n), "expr": expression, "legendFormat": name or "__auto", "datasource": SOURCE}
        for n, (expression, name) in enumerate(panel.queries)
    ]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    options = OF_A_STAT
    if panel.kind == "timeseries":
        defaults["custom"] = {"fillOpacity": 10, "showPoints": "never"}
        options = OF_LINES
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": at,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets,
    }


def _around(panels: list[dict[str, Any]]) -> dict[str, Any]:
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": "loa",
        "title": "Loa",
        "description": "Text to speech: requests, engines, log, store, calls. Metrics: docs/metrics.md",
        "tags": ["loa"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": [source]},
        "panels": panels,
    }


if __name__ == "__main__":
    DASHBOARD.write_bytes(dashboard())
