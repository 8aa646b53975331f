"""A real Prometheus that watches processes of a test, and the dashboard's panels as it answers them."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
import yaml

from tests.kafka.zygote import ROOT
from tests.programs import program
from tests.storage.servers import HOST, free_ports, running

EXAMPLE = ROOT / "deploy/prometheus"
BOARD = orjson.loads((ROOT / "deploy/grafana/loa.json").read_bytes())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
SCRAPES_OF_A_RATE = 4
"""Grafana's `$__rate_interval` is at least so many scrapes."""


@dataclass(frozen=True)
class Line:
    """What a panel draws for one series. `points`: Unix time and value, without what is no number."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass
class Prometheus:
    """It is asked over HTTP, as Grafana asks it. `scrape`: seconds between two looks at a process."""

    client: httpx.Client
    scrape: int

    @classmethod
    @contextmanager
    def started(cls, folder: Path, targets: Mapping[str, Sequence[str]], scrape: int = 1) -> Iterator[Self]:
        """One with the example's configuration. `targets`: addresses of processes, for each of its jobs."""
        for number in range(3):  # another may take its port first
            data = folder / str(number)
            data.mkdir(parents=True)
            address = f"{HOST}:{free_ports(1)[0]}"
            config = data / "prometheus.yaml"
            config.write_text(yaml.safe_dump(_configuration(targets, scrape)))
            command = [program("prometheus") or "", f"--config.file={config}", f"--storage.tsdb.path={data}/tsdb"]
            with running([*command, f"--web.listen-address={address}"], data, f"http://{address}/-/ready") as answers:
                if answers:
                    with httpx.Client(base_url=f"http://{address}/api/v1", timeout=60) as client:
                        yield cls(client, scrape)
                    return
        raise AssertionError(f"Prometheus does not start: {(data / 'log').read_text()[-3000:]}")

    def rules(self) -> list[dict[str, Any]]:
        """The alerts, as they stand."""
        return [rule for group in self._ask("/rules")["groups"] for rule in group["rules"]]

    def lines(self, target: Mapping[str, Any], seconds: float) -> list[Line]:
        """Those of a query of a panel, over the last seconds. Fails where it is refused."""
        now = time.time()
        asked = target["expr"].replace("$__rate_interval", f"{SCRAPES_OF_A_RATE * self.scrape}s")
        answer = self._ask("/query_range", query=asked, start=now - seconds, end=now, step=self.scrape)
        return [Line(_name(target["legendFormat"], each["metric"]), _points(each)) for each in answer["result"]]

    def _ask(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]


def _configuration(targets: Mapping[str, Sequence[str]], scrape: int) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / "prometheus.yaml").read_text())
    found["global"] = {"scrape_interval": f"{scrape}s", "evaluation_interval": f"{scrape}s"}
    found["rule_files"] = [str(EXAMPLE / name) for name in found["rule_files"]]
    for job in found["scrape_configs"]:
        job["static_configs"] = [{"targets": [*targets[job["job_name"]]]}]
    return found


def _name(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), form.replace("__auto", ""))


def _points(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    values = ((float(at), float(value)) for at, value in series["values"])
    return [(at, value) for at, value in values if math.isfinite(value)]
