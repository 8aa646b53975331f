"""What a process of Loa tells Prometheus, read as Prometheus reads it."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.kafka.processes import PATIENCE


@dataclass(frozen=True)
class Scraped:
    """Samples of one look."""

    samples: list[Sample]

    def value(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name with these labels among theirs; 0 where there are none."""
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}


async def scrape(address: str) -> Scraped:
    """Read `/metrics` at an address, such as that of a worker's health."""
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.get(f"{address}/metrics")
    assert answer.status_code == 200, answer.text
    return Scraped([s for family in text_string_to_metric_families(answer.text) for s in family.samples])
