"""Health tells what it is asked, on loopback."""

import socket

import aiohttp
import pytest

from streams import settings
from streams.health import health_server
from streams.metrics.worker import WorkerMetrics
from streams.settings import SettingsError


@pytest.mark.parametrize(
    ("complaint", "status", "body"),
    [(None, 200, {"ok": True}), ("a record is stuck", 503, {"ok": False, "reason": "a record is stuck"})],
)
async def test_what_is_wrong_is_said(complaint, status, body):
    async with (
        health_server(settings.load({}), lambda: complaint, lambda: None, WorkerMetrics()) as address,
        aiohttp.ClientSession() as client,
        client.get(f"{address}/healthz") as healthy,
        client.get(f"{address}/readyz") as ready,
        client.get(f"{address}/metrics", headers={"Accept": "application/openmetrics-text"}) as metrics,
    ):
        assert (healthy.status, await healthy.json()) == (status, body)
        assert ready.status == 200
        assert metrics.content_type == "application/openmetrics-text"
        assert 'loa_build_info{part="worker"' in await metrics.text()


async def test_a_port_that_is_taken_is_refused_by_name():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = settings.load({"TTS_HEALTH_PORT": str(taken.getsockname()[1])})
        with pytest.raises(SettingsError, match=f"TTS_HEALTH_PORT={given.health_port}: "):
            async with health_server(given, lambda: None, lambda: None, WorkerMetrics()):
                pass
