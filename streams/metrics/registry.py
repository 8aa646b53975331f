"""The metrics of one process, and how a reader gets them."""

import math
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from streams.metrics import declared
from streams.metrics.declared import DECLARED, Metric, Part
from streams.version import version


class Metrics:
    """Those of one part, in a registry of their own. Labels are named at each call, all of them."""

    def __init__(self, part: Part) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # twice the series, and nobody asks for them
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, processor time, open files, under their usual names
        self._labelled: dict[tuple[Any, ...], Any] = {}
        self._made = {metric: _made(metric, self._registry) for metric in DECLARED if part in metric.parts}
        self.set(declared.BUILD, 1, version=version(), part=part)

    def count(self, metric: Metric, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter; an amount of 0 makes it known, so that its first increase is seen as one."""
        self._of(metric, labels).inc(amount)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """One value more in a histogram."""
        self._of(metric, labels).observe(value)

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        """What a gauge shows from now on."""
        self._of(metric, labels).set(value)

    def show(self, metric: Metric, value: Callable[[], float], /, **labels: str) -> None:
        """What a gauge shows is asked for whenever the metrics are read."""
        self._of(metric, labels).set_function(value)

    def forget(self, metric: Metric) -> None:
        """A gauge is not known now: nothing is shown, or, without labels, that it is no number."""
        if metric.labels:
            self._made[metric].clear()
            self._labelled = {key: found for key, found in self._labelled.items() if key[0] is not metric}
        else:
            self.set(metric, math.nan)

    def exposed(self, accept: str = "") -> tuple[bytes, str]:
        """All, as a reader takes them that sent this header, and the content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def value(self, name: str, **labels: str) -> float | None:
        """What is shown under a name, with the suffixes of histograms; None if nothing is."""
        return self._registry.get_sample_value(name, labels)

    def _of(self, metric: Metric, labels: dict[str, str]) -> Any:
        if not metric.labels:
            return self._made[metric]
        key = metric, *labels.items()
        found = self._labelled.get(key)
        if found is None:  # the client takes a lock, and sorts them, each time
            found = self._labelled[key] = self._made[metric].labels(**labels)
        return found


def _made(metric: Metric, registry: CollectorRegistry) -> Any:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
    return (Counter if metric.kind == "counter" else Gauge)(metric.name, metric.help, metric.labels, registry=registry)
