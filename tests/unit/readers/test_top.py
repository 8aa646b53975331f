"""What the outcomes of the last while say, and how a picture is shown and refused."""

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from streams.cli import app
from streams.cli.top import shown
from streams.metrics.worker import WorkerMetrics
from streams.readers.top import Picture
from streams.readers.top.processes import processes, row
from streams.readers.top.recent import Recent

RUNNER = CliRunner(env={"COLUMNS": "200"})


def completed(name: str, worker: str = "w-0", model: str = "hibari", seconds: float = 3.0, took: float = 1.5):
    said = {"request_id": name, "file_id": name, "worker": worker, "model": model, "duration_seconds": seconds}
    return "completed", said | {"synthesis_seconds": took, "queue_seconds": 0.5}


def failed(name: str, code: str, worker: str = "w-0"):
    said = {"request_id": name, "file_id": name, "worker": worker, "code": code, "message": f"{name} is wrong"}
    return "failed", said


def recent(*events, seconds: float = 60.0) -> Recent:
    made = Recent(seconds)
    for time, (short, event) in enumerate(events, 100):
        made.add(short, time, event)
    return made


def test_rates_are_of_the_while():
    made = recent(completed("a"), completed("b"), failed("c", "internal"), seconds=30.0)
    assert made.throughput() == {
        "completed_per_minute": 4,
        "failed_per_minute": 2,
        "speech_seconds_per_second": 0.2,
    }


def test_what_is_told_again_counts_once():
    assert recent(completed("a"), completed("a")).throughput()["completed_per_minute"] == 1


def test_what_is_older_is_left_out():
    made = recent(completed("a"), completed("b"), seconds=10.0)
    made.forget(110.5)
    assert made.engines()[0]["completed"] == 1


def test_each_worker_and_engine_has_its_own():
    made = recent(
        completed("a"),
        completed("b", took=6.0),
        completed("c", "w-1", "tone", 1.0, 0.1),
        failed("d", "internal", "w-1"),
    )
    assert made.of_workers() == {
        "w-0": {"completed": 2, "failed": 0, "speech_seconds_per_second": 0.1, "last": 101},
        "w-1": {"completed": 1, "failed": 1, "speech_seconds_per_second": 0.017, "last": 103},
    }
    assert [(each["model"], each["completed"], each["real_time_factor"]) for each in made.engines()] == [
        ("hibari", 2, 1.25),
        ("tone", 1, 0.1),
    ]


def test_failures_are_by_code_with_the_last_of_each():
    made = recent(failed("a", "internal"), failed("b", "unknown_voice"), failed("c", "unknown_voice"))
    assert made.failures() == [
        {"code": "unknown_voice", "count": 2, "request_id": "c", "message": "c is wrong"},
        {"code": "internal", "count": 1, "request_id": "a", "message": "a is wrong"},
    ]


def test_events_of_strangers_do_no_harm():
    made = recent(("completed", {}), ("completed", {"file_id": 5, "duration_seconds": "long", "worker": ["w"]}))
    assert made.throughput()["completed_per_minute"] == 2
    assert made.engines()[0]["real_time_factor"] is None


def test_metrics_of_a_worker_are_a_row():
    body, _ = WorkerMetrics().exposed()
    found = row(body.decode())
    assert (found["part"], found["pieces"]) == ("worker", 0)
    assert found["memory_bytes"] > 0
    with pytest.raises(ValueError, match="not of Loa"):
        row("up 1\n")


async def test_a_process_that_does_not_answer_is_told():
    here, nowhere = await processes(["127.0.0.1:1", "http://[oh"])
    assert here["address"] == "127.0.0.1:1" and "127.0.0.1:1" in here["error"]
    assert nowhere["error"]


def test_a_picture_without_a_broker_says_so():
    console = Console(width=120, file=io.StringIO())
    made = recent(completed("a"), failed("b", "internal"))
    picture = Picture(
        time="2025-01-03T10:00:00Z",
        group="loa",
        window_seconds=60,
        lag={},
        throughput=made.throughput(),
        workers=[],
        engines=made.engines(),
        failures=made.failures(),
        processes=[{"address": "a:1", "error": "no [answer]"}],
        trouble="refused [somehow]",
    )
    console.print(shown(picture))
    said = console.file.getvalue()
    for part in ("Kafka does not answer: refused [somehow]", "Workers: none", "hibari", "b is wrong", "no [answer]"):
        assert part in said


def test_without_a_terminal_it_wants_to_know_how_to_print():
    done = RUNNER.invoke(app, ["top"])
    assert done.exit_code == 2
    assert "--once" in done.output and "--json" in done.output
