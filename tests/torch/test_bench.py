"""`loa bench` with engines of torch, in a real engine process, with random weights."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from streams.cli import app
from tests.torch.vits_checkpoints import save_vits


def test_a_voice_of_vits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_VITS_CHECKPOINT", str(save_vits(tmp_path / "tiny-vie", slower=8)))
    monkeypatch.setenv("TTS_TORCH_DEVICE", "cpu")
    monkeypatch.setenv("TTS_CHECK", "off")  # what random weights say is noise
    result = CliRunner().invoke(app, ["bench", "--model", "vits", "--seconds", "0.5", "--json"])
    assert result.exit_code == 0, result.output
    rows = [orjson.loads(line) for line in result.stdout.splitlines()]
    (figures,) = (row for row in rows if row["kind"] == "figures")
    assert (figures["model"], figures["voice"]) == ("vits", "tiny-vie")
    assert (figures["processes"], figures["slots"], figures["failed"]) == (1, 8, 0)
    assert figures["in_hand"] > 4
    assert figures["audio_seconds"] / figures["pieces"] > 1
    advised = [row["setting"] for row in rows if row["kind"] == "advice"]
    assert advised == ["TTS_WINDOW_SECONDS", "TTS_WINDOW_REQUESTS", "TTS_ENGINE_MEMORY_MB"]
