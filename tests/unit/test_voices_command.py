"""`loa voices`, as it is typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from models.dia.voices import RefusedVoice
from streams.cli import app


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Types a command in a directory with a recording, `ann.wav`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTS_MODELS", "tone")
    monkeypatch.delenv("TTS_DIA_VOICES", raising=False)
    soundfile.write("ann.wav", 0.3 * np.sin(np.arange(4 * 8000) * 0.2), 8000)
    runner = CliRunner()

    def run(*words: str):
        return runner.invoke(app, ["voices", *words])

    return run


def test_without_a_command_voices_are_listed(typed) -> None:
    done = typed("--json")
    assert [json.loads(line)["voice"] for line in done.stdout.splitlines()] == ["tone/sine"]
    assert typed("--json", "--language", "fr").stdout == ""


def test_a_voice_is_added_and_removed(typed, tmp_path: Path) -> None:
    done = typed("add", "ann", "--audio", "ann.wav", "--text", "Good morning.")
    assert json.loads(done.stdout.splitlines()[0]) == {"voice": "dia/ann", "seconds": 4.0, "directory": "voices"}
    assert "dia is not in TTS_MODELS" in done.stderr
    assert (tmp_path / "voices/ann.wav").exists()
    assert json.loads(typed("remove", "ann").stdout) == {"voice": "dia/ann", "removed": True}
    assert list((tmp_path / "voices").iterdir()) == []


def test_what_cannot_be_a_voice_is_refused(typed) -> None:
    done = typed("add", "ann", "--audio", "none.wav", "--text", "Good morning.")
    assert done.exit_code != 0
    assert isinstance(done.exception, RefusedVoice)
    assert typed("add", "ann", "--audio", "ann.wav").exit_code == 2
    assert typed("add", "ann", "--audio", "ann.wav", "--text", "x", "--model", "tone").exit_code == 2
