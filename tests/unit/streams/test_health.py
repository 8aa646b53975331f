"""Health tells what it is asked, on loopback."""

import aiohttp
import pytest

from streams.health import health_server
from streams.metrics.worker import WorkerMetrics


@pytest.mark.parametrize(
    ("complaint", "status", "body"),
    [(None, 200, {"ok": True}), ("a record is stuck", 503, {"ok": False, "reason": "a record is stuck"})],
)
async def test_what_is_wrong_is_said(complaint, status, body):
    async with (
        health_server("127.0.0.1", 0, lambda: complaint, lambda: None, WorkerMetrics()) as address,
        aiohttp.ClientSession() as client,
        client.get(f"{address}/healthz") as healthy,
        client.get(f"{address}/readyz") as ready,
        client.get(f"{address}/metrics", headers={"Accept": "application/openmetrics-text"}) as metrics,
    ):
        assert (healthy.status, await healthy.json()) == (status, body)
        assert ready.status == 200
        assert metrics.content_type == "application/openmetrics-text"
        assert 'loa_build_info{part="worker"' in await metrics.text()
