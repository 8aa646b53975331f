"""The dashboard, the alerts and the example for Prometheus: PromQL that parses, over metrics that there are."""

import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import promql_parser as promql
import pytest
import yaml

from streams.metrics.declared import DECLARED
from tests.programs import program

ROOT = Path(__file__).parents[2]
PROMTOOL = program("promtool")
PROMETHEUS, DASHBOARD = ROOT / "deploy/prometheus", ROOT / "deploy/grafana/loa.json"

SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
LABELS = {metric.name + suffix: {*metric.labels} for metric in DECLARED for suffix in SUFFIXES[metric.kind]}
LABELS |= {name: labels | {"le"} for name, labels in LABELS.items() if name.endswith("_bucket")}
OF_EVERY_PROCESS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
OF_THE_TARGET = {"job", "instance"}

RULES = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
BOARD = orjson.loads(DASHBOARD.read_bytes())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """All, each with the name of its place."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"].replace("$__rate_interval", "5m")


def selectors(expression: str) -> list[Any]:
    """Every choice of series in it."""
    found: list[Any] = []
    promql.walk(promql.parse(expression), found.append)
    return [each for each in found if isinstance(each, promql.VectorSelector)]


every_expression = pytest.mark.parametrize(
    ("place", "expression"), [pytest.param(place, expression, id=place) for place, expression in expressions()]
)


@every_expression
def test_expressions_parse_and_ask_for_what_there_is(place, expression):
    found = selectors(expression)
    assert found, f"{place}: {expression}"
    for selector in found:
        assert selector.name in LABELS.keys() | OF_EVERY_PROCESS, f"{place}: no metric {selector.name}"
        matched = {matcher.name for matcher in selector.matchers.matchers}
        known = LABELS.get(selector.name, set()) | OF_THE_TARGET
        assert matched <= known, f"{place}: {selector.name} has no label {matched - known}"
    counters = {metric.name for metric in DECLARED if metric.kind == "counter"}
    for counter in counters & {selector.name for selector in found}:
        assert re.search(rf"(rate|increase)\({counter}\b", expression), f"{place}: {counter} only grows"


@every_expression
def test_labels_that_are_summed_by_are_there(place, expression):
    asked = set(re.findall(r"\w+", " ".join(re.findall(r"by ?\(([^)]*)\)", expression))))
    known = set().union(*(LABELS.get(each.name, set()) for each in selectors(expression))) | OF_THE_TARGET
    assert asked <= known, f"{place}: {asked - known}"


def test_the_dashboard_is_what_its_table_says():
    made = runpy.run_path(str(ROOT / "docs/dashboard.py"))["dashboard"]()
    assert DASHBOARD.read_bytes() == made, "run `make docs`"


def test_panels_have_a_place_of_their_own():
    taken = [(x, y) for panel in BOARD["panels"] for x, y in _squares(**panel["gridPos"])]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def _squares(x: int, y: int, w: int, h: int) -> Iterator[tuple[int, int]]:
    return ((column, row) for column in range(x, x + w) for row in range(y, y + h))


def test_every_alert_says_what_it_is_and_is_tested():
    tested = (PROMETHEUS / "alerts_test.yaml").read_text()
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["alert"].startswith("Loa") and rule["alert"] in tested, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_example_names_the_jobs_that_alerts_and_dashboard_know():
    config = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text())
    assert config["rule_files"] == ["alerts.yaml"]
    assert all(job["job_name"].startswith("loa-") for job in config["scrape_configs"])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, a part of Prometheus, is not on this machine")
@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yaml"), ("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")],
)
def test_promtool_agrees(command):
    done = subprocess.run([PROMTOOL, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
