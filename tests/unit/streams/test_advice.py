"""What figures speak for."""

from dataclasses import replace

import pytest

from models.measure import Figures
from models.usage import Memory
from streams import settings
from streams.advice import Machine, advise

MEBIBYTE = 1 << 20
MACHINE = Machine(cores=4, free_bytes=8000 * MEBIBYTE)
SETTINGS = settings.load({})


def figures(model: str = "hibari", processes: int = 1, speed: float = 50.0, **others: object) -> Figures:
    """One run of ten seconds in pieces of five."""
    made = Figures(
        model=model,
        voice="heart",
        processes=processes,
        slots=1,
        load_seconds=1.0,
        alone=(0.1, 0.2),
        pieces=round(speed * 2),
        audio_seconds=speed * 10,
        seconds=10.0,
        cpu_seconds=8.0,
        in_hand=1.0,
        memory=(Memory(200 * MEBIBYTE, 300 * MEBIBYTE),) * processes,
    )
    return replace(made, **others)  # type: ignore[arg-type]


def advice(*rows: Figures, machine: Machine = MACHINE, **values: str) -> dict[str, str]:
    given = advise(rows, machine, settings.load(values))
    assert all(each.reason for each in given)
    return {each.setting: each.value for each in given}


def reason(setting: str, *rows: Figures, machine: Machine = MACHINE) -> str:
    return next(each.reason for each in advise(rows, machine, SETTINGS) if each.setting == setting)


def test_nothing_measured_nothing_advised() -> None:
    assert advise([], MACHINE, SETTINGS) == []


@pytest.mark.parametrize(("second", "wanted"), [(96.0, "2"), (51.0, "1"), (40.0, "1")])
def test_the_fewest_processes_that_are_about_as_fast(second: float, wanted: str) -> None:
    rows = figures(), figures(processes=2, speed=second)
    assert advice(*rows)["TTS_ENGINE_PROCESSES"] == wanted
    assert f"50.0 with 1, {second} with 2" in reason("TTS_ENGINE_PROCESSES", *rows)


def test_the_model_that_gains_by_processes_decides() -> None:
    rows = figures(), figures(processes=2, speed=96), figures("espeak"), figures("espeak", 2)
    assert advice(*rows)["TTS_ENGINE_PROCESSES"] == "2"


def test_no_more_processes_than_fit_into_memory_with_all_their_models() -> None:
    rows = figures(processes=1), figures(processes=4, speed=190), figures("espeak", 4, 400)
    tight = replace(MACHINE, free_bytes=1100 * MEBIBYTE)  # 880 of them, at 200 for each of two models
    assert advice(*rows, machine=tight)["TTS_ENGINE_PROCESSES"] == "2"
    assert "a process takes 400 MiB, and 1100 MiB" in reason("TTS_ENGINE_PROCESSES", *rows, machine=tight)
    assert advice(*rows, machine=replace(tight, free_bytes=0))["TTS_ENGINE_PROCESSES"] == "1"


def test_a_window_is_a_minute_of_the_slowest_models_work() -> None:
    rows = figures(speed=48.0), figures("espeak", speed=400.0)
    assert advice(*rows)["TTS_WINDOW_SECONDS"] == "2900"
    assert "60 s of work at the 48 audio seconds a second of hibari" in reason("TTS_WINDOW_SECONDS", *rows)


def test_a_slow_model_has_a_small_window_and_needs_an_old_age() -> None:
    slow = figures("dia", speed=0.01, pieces=1)
    assert advice(slow)["TTS_WINDOW_SECONDS"] == "30"
    assert "raise TTS_WINDOW_MAX_AGE_SECONDS=900" in reason("TTS_WINDOW_SECONDS", slow)
    assert "raise" not in reason("TTS_WINDOW_SECONDS", figures())


def test_a_window_has_speech_for_all_slots_and_for_who_is_next() -> None:
    slow = figures("vits", slots=8, speed=0.5, pieces=1)  # pieces of 5 s
    assert advice(slow)["TTS_WINDOW_SECONDS"] == "80"
    assert advice(figures("vits", slots=8), figures(speed=1.0))["TTS_WINDOW_SECONDS"] == "80"


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (figures(), "64"),
        (figures(pieces=900), "90"),
        (figures("vits", slots=16, processes=2), "128"),
    ],
)
def test_requests_in_hand_keep_all_slots_busy(row: Figures, wanted: str) -> None:
    assert advice(row)["TTS_WINDOW_REQUESTS"] == wanted


def test_a_limit_of_memory_has_room_for_all_models_of_a_process() -> None:
    assert advice(figures())["TTS_ENGINE_MEMORY_MB"] == "768"
    assert advice(figures(), figures(processes=2), figures("espeak"))["TTS_ENGINE_MEMORY_MB"] == "1280"
    batch = figures("vits", slots=4, memory=(Memory(1, 2000 * MEBIBYTE),))
    assert advice(figures(), batch)["TTS_ENGINE_MEMORY_MB"] == "4096"


def test_no_limit_of_memory_where_an_engine_uses_a_gpu() -> None:
    assert advice(figures("dia", slots=8), machine=replace(MACHINE, gpu=True))["TTS_ENGINE_MEMORY_MB"] == "0"


@pytest.mark.parametrize(("in_hand", "wanted"), [(7.9, "8"), (3.2, "4"), (0.0, "1")])
def test_slots_of_dia(in_hand: float, wanted: str) -> None:
    given = advice(figures("dia", slots=8, in_hand=in_hand))
    assert given["TTS_DIA_SLOTS"] == wanted
    assert "TTS_ENGINE_PROCESSES" not in given


def test_slots_of_others_are_no_settings() -> None:
    assert "TTS_DIA_SLOTS" not in advice(figures(), figures("vits", slots=4))


def test_what_is_advised_is_what_can_be_set() -> None:
    rows = figures(), figures("dia", slots=8, in_hand=8, speed=0.3, pieces=2)
    settings.load(advice(*rows))
    assert not settings.unknown(advice(*rows))


def test_figures_of_figures() -> None:
    row = figures(alone=tuple(range(1, 101)))
    assert (row.speed, row.cpu_share) == (50.0, 8 / 500)
    assert (row.alone_percentile(50), row.alone_percentile(99)) == (50, 99)
    assert replace(row, cpu_seconds=None).cpu_share is None
