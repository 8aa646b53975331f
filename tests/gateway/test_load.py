"""How fast speech is made, how long the queue takes, and who is sent away."""

import pytest

from storage.errors import IndexUnavailable
from streams import settings
from streams.gateway.errors import ApiError
from streams.gateway.load import FRESH_SECONDS, Load


class Queue:
    """An index that knows how much is queued."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.of_tenants: dict[str, float] = {}
        self.asked = 0
        self.broken = False

    def queued_seconds(self, lane, tenant, pool):
        self.asked += 1
        if self.broken:
            raise IndexUnavailable("away")
        if pool != "":
            return 0.0
        return self.seconds.get(lane, 0.0) if tenant is None else self.of_tenants.get(tenant, 0.0)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def load(queue, clock):
    return Load(settings.load({"TTS_MAX_QUEUED_SECONDS": "100", "TTS_ROUTES": "dia=gpu"}), queue, clock)


def done(load, seconds, took, model="tone"):
    load.heard("completed", {"duration_seconds": seconds, "synthesis_seconds": took, "model": model})


async def test_a_lane_that_is_full_says_when_to_come_again(load, queue):
    queue.seconds["interactive"] = 300.0
    done(load, 10.0, 1.0)
    done(load, 10.0, 0.1, "dia")
    with pytest.raises(ApiError, match="300 seconds of speech") as refused:
        await load.admit("interactive", "ann", "", 1.0)
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "20", "200 too many at ten a second"
    await load.admit("bulk", "ann", "", 1.0)
    await load.admit("interactive", "ann", "gpu", 1.0)


async def test_a_flood_that_left_its_lane_is_held_against_its_tenant(load, queue):
    queue.of_tenants["ann"] = 101.0
    with pytest.raises(ApiError, match="101 seconds of speech of tenant 'ann' are queued, and 100 may be"):
        await load.admit("interactive", "ann", "", 1.0)
    await load.admit("interactive", "bob", "", 1.0)
    await load.admit("bulk", "ann", "", 1.0)


async def test_what_was_let_in_counts_before_the_index_knows_of_it(load, queue, clock):
    for _ in range(2):
        await load.admit("interactive", "ann", "", 60.0)
    with pytest.raises(ApiError, match="120 seconds of speech"):
        await load.admit("interactive", "bob", "", 60.0)
    clock.now += FRESH_SECONDS  # by now the index knows that it was spoken
    await load.admit("interactive", "bob", "", 60.0)


async def test_a_burst_of_one_tenant_counts_in_all_lanes(load, clock):
    await load.admit("bulk", "ann", "", 1.0)
    await load.admit("interactive", "ann", "", 1.0)
    await load.admit("bulk", "ann", "", 120.0)
    with pytest.raises(ApiError, match="of tenant 'ann'"):
        await load.admit("interactive", "ann", "", 1.0)
    await load.admit("interactive", "bob", "", 1.0)


async def test_the_index_is_asked_four_times_a_second(load, queue, clock):
    for _ in range(10):
        await load.admit("interactive", "ann", "", 1.0)
    assert queue.asked == 2
    clock.now += FRESH_SECONDS
    await load.admit("interactive", "ann", "", 1.0)
    assert queue.asked == 4


async def test_nobody_is_sent_away_for_an_index_that_is_away(load, queue):
    queue.broken = True
    await load.admit("interactive", "ann", "", 1.0)


def test_speed_is_that_of_one_or_of_all_together(load, clock):
    assert load.speed() is None and load.wait_for(5.0, "") is None
    load.heard("failed", {"code": "internal"})
    load.heard("completed", {"duration_seconds": 10.0, "synthesis_seconds": 0.001, "cached": True})
    load.heard("completed", {"duration_seconds": "x"})
    assert load.speed() is None
    done(load, 10.0, 5.0)
    assert load.speed() == 2.0
    for _ in range(9):
        clock.now += 1.0
        done(load, 10.0, 5.0)
    assert load.speed() == 10.0, "five at a time"
    assert load.wait_for(50.0, "") == 5.0
    clock.now += 120.0
    assert load.speed() == 2.0, "what was long ago does not count together"
