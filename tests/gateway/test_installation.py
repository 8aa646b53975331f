"""The installation in a gateway's metrics: as it is, not looked at too often, and missing where nobody answers."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from storage.errors import IndexUnavailable
from storage.index.results import Totals
from streams import settings
from streams.gateway import installation
from streams.gateway.installation import FRESH_SECONDS, Installation
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics

TOTALS = Totals(
    total_files=5,
    total_bytes=500,
    expired_files=2,
    expired_bytes=200,
    deleted_files=1,
    jobs={"queued": 3, "completed": 5},
    queued_seconds={"interactive": 1.5, "bulk": 67.0},
    queued_in_pools={"": {"interactive": 1.5, "bulk": 60.0}, "gpu": {"bulk": 7.0}, "of-old": {"bulk": 9.0}},
    audio_seconds=10.0,
    characters=100,
)


class Site:
    """Two workers and an index, which answer unless they are `away`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.asked, self.away = 0.0, 0, False
        self.metrics = Metrics(Part.GATEWAY)
        parts: Any = SimpleNamespace(
            settings=settings.load({"TTS_KAFKA_BROKERS": "127.0.0.1:1", "TTS_ROUTES": "dia=gpu"}),
            index=SimpleNamespace(totals=self.totals),
        )
        self.installation = Installation(parts, self.metrics, lambda: self.now)
        self._real = installation.members
        monkeypatch.setattr(installation, "members", self.members)
        monkeypatch.setattr(installation, "lag", self.lag)

    def totals(self, tenant: str | None) -> Totals:
        assert tenant is None
        self.asked += 1
        if self.away:
            raise IndexUnavailable("away")
        return TOTALS

    async def members(self, given: Any) -> list[Any]:
        return await self._real(given) if self.away else [object(), object()]

    async def lag(self, _: Any) -> dict[str, int]:
        return {"requests": 7, "cleanup": 0}


async def test_what_is_known_is_shown(monkeypatch):
    site = Site(monkeypatch)
    await site.installation.look()
    value = site.metrics.value
    assert value("loa_group_members") == 2
    assert value("loa_group_lag_records", topic="requests") == 7
    assert value("loa_queued_speech_seconds", pool="", lane="bulk") == 60
    assert value("loa_queued_speech_seconds", pool="gpu", lane="bulk") == 7
    assert value("loa_queued_speech_seconds", pool="gpu", lane="interactive") == 0
    assert value("loa_queued_speech_seconds", pool="of-old", lane="bulk") is None, "pools are those of the settings"
    assert value("loa_jobs", status="queued") == 3
    assert (value("loa_store_files"), value("loa_store_bytes")) == (5, 500)
    assert (value("loa_store_expired_files"), value("loa_store_expired_bytes")) == (2, 200)
    assert value("loa_dependency_up", dependency="kafka") == value("loa_dependency_up", dependency="index") == 1


async def test_it_is_not_looked_at_for_every_reader(monkeypatch):
    site = Site(monkeypatch)
    for now, asked in ((0.0, 1), (FRESH_SECONDS / 2, 1), (FRESH_SECONDS, 2)):
        site.now = now
        await site.installation.look()
        assert site.asked == asked


async def test_what_does_not_answer_is_told_and_no_old_number_is_shown(monkeypatch):
    site = Site(monkeypatch)
    await site.installation.look()
    site.away, site.now = True, FRESH_SECONDS
    await site.installation.look()
    value = site.metrics.value
    assert value("loa_dependency_up", dependency="kafka") == value("loa_dependency_up", dependency="index") == 0
    assert (
        value("loa_group_lag_records", topic="requests")
        is None
        is value("loa_queued_speech_seconds", pool="", lane="bulk")
    )
    assert math.isnan(value("loa_group_members") or 0) and math.isnan(value("loa_store_files") or 0)
    site.away, site.now = False, 2 * FRESH_SECONDS
    await site.installation.look()
    assert value("loa_group_members") == 2
