"""How many workers there should be, and how fast one of them speaks."""

import pytest

from streams import settings
from streams.readers.demand import Demand, Speed, Speeds


def spoken(speed: Speed, seconds: float, took: float, at: float) -> None:
    speed.heard({"duration_seconds": seconds, "synthesis_seconds": took}, at)


@pytest.mark.parametrize(
    ("queued", "worker_speed", "within", "partitions", "workers"),
    [
        (0.0, 2.0, 60.0, 8, 0),
        (0.1, 2.0, 60.0, 8, 1),
        (120.0, 2.0, 60.0, 8, 1),
        (121.0, 2.0, 60.0, 8, 2),
        (121.0, 2.0, 10.0, 8, 7),
        (1e6, 2.0, 10.0, 8, 8),
        (121.0, None, 60.0, 8, 3),
    ],
)
def test_so_many_workers_speak_it_in_time(queued, worker_speed, within, partitions, workers):
    found = Demand({"interactive": queued / 4, "bulk": queued * 3 / 4}, 2, partitions, worker_speed, within)
    assert found.recommended_workers == workers
    row = found.row()
    assert row["seconds_per_worker"] == pytest.approx(queued / 2, abs=0.001)
    assert (row["queued_seconds"], row["recommended_workers"]) == (pytest.approx(queued), workers)


def test_without_a_worker_all_of_it_waits_for_the_first():
    assert Demand({"interactive": 30.0, "bulk": 0.0}, 0, 8, 1.0).row()["seconds_per_worker"] == 30.0


def test_the_speed_of_one_is_its_share_and_no_less_than_a_request_alone():
    speed = Speed()
    assert speed.of_one(0.0, 4) is None
    for second in range(21):
        spoken(speed, 10.0, 5.0, float(second))
    assert speed.of_all(20.0) == 10.0
    assert speed.of_one(20.0, 2) == 5.0
    assert speed.of_one(20.0, 10) == 2.0, "a request is spoken by one worker, and this fast"
    assert speed.of_one(20.0, 0) == 10.0, "whoever spoke has left"
    assert speed.of_one(90.0, 2) == 2.0, "what was long ago does not count together"


def test_a_pool_is_as_fast_as_its_models_are_spoken():
    speeds = Speeds(settings.load({"TTS_ROUTES": "dia=gpu"}))
    for model, took in (("dia", 1.0), ("espeak", 10.0), (["odd"], 10.0)):
        speeds.heard({"duration_seconds": 10.0, "synthesis_seconds": took, "model": model}, 0.0)
    assert [speeds.of(pool).of_one(0.0, 1) for pool in ("gpu", "", None)] == [10.0, 1.0, 1.0]


@pytest.mark.parametrize("took", [0, None, "1"])
def test_a_result_that_does_not_tell_how_fast_is_left(took):
    speed = Speed()
    speed.heard({"duration_seconds": 10.0, "synthesis_seconds": took}, 0.0)
    assert speed.of_all(0.0) is None
