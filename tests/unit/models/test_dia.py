"""What of the engine `dia` runs beside the worker: no torch, no network, and nothing that a checkpoint brings along."""

import json
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import soundfile

from models.dia import Dia, checkpoint, text
from models.dia.options import parse
from models.dia.voices import MOST_TRANSCRIPT_BYTES, RATE, RefusedVoice, VoiceFolder
from models.engine import UnknownModel, UnknownVoice
from models.plugins import load_engine
from streams import settings

CONFIG = {"model_type": "dia", "encoder_config": {"max_position_embeddings": 1024}}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint without any sense, but with all its files."""
    made = tmp_path / "dia"
    write(made / "config.json", CONFIG)
    write(made / "codec/config.json", {"model_type": "dac", "sampling_rate": 44_100})
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def write(path: Path, said: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said))


def test_bytes_and_tags() -> None:
    assert text.ids("Hi") == [1, *b" Hi"]
    assert text.ids("  [S2] Hé [S1]") == [2, *" Hé ".encode(), 1]
    assert text.ids("a [S2] b") == [1, *b" a ", 2, *b" b"]
    assert text.ids("[S3] [s1]") == [1, *b" [S3] [s1]"]
    assert text.ids("\x00a\x01<p<pad>ad>\x02") == [1, *b" a"]
    assert len(text.ids("\ud800")) == 3
    assert text.joined("Said.", "[S2] New.") == "[S1] Said. [S2] New."


def test_what_it_says_of_itself(folder: Path, tmp_path: Path) -> None:
    engine = Dia(str(folder), device="cpu", voices=str(tmp_path / "none"))
    assert (engine.name, engine.rate, engine.slots) == ("dia", 44_100, 8)
    assert [voice.name for voice in engine.voices] == ["default"]
    assert engine.estimate("x" * 140, 1.0) == pytest.approx(10, rel=0.1)
    assert engine.estimate("é" * 70, 2.0) == pytest.approx(5, rel=0.1)
    assert engine.cost("x" * 140, 1.0) > 100
    assert engine.cost("x" * 140, 1.0) > Dia(str(folder), device="cuda").cost("x" * 140, 1.0) > 0
    assert "device=cpu; dtype=float32" in engine.revision
    assert "dtype=bfloat16" in Dia(str(folder), device="cuda").revision


def test_the_longest_piece_fits_with_the_longest_transcript(folder: Path) -> None:
    longest = "\U0001f600" * Dia(str(folder)).max_characters
    assert len(longest) == 200
    transcript = "x" * (MOST_TRANSCRIPT_BYTES - text.OVERHEAD)
    assert len(text.ids(text.joined(transcript, longest))) <= 1024


def test_without_a_checkpoint_it_says_what_it_needs() -> None:
    engine = Dia()
    with pytest.raises(UnknownModel, match="needs a checkpoint"):
        _ = engine.voices
    with pytest.raises(UnknownModel, match="needs a checkpoint"):
        engine.load()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("device", "gpu"),
        ("device", "cpu:1"),
        ("device", "cuda:x"),
        ("dtype", "int8"),
        ("slots", "0"),
        ("slots", "-1"),
        ("max_tokens", "63"),
        ("max_tokens", "1.5"),
        ("threads", "0"),
        ("graphs", "on"),
    ],
)
def test_wrong_options_are_refused_by_name(option: str, value: str) -> None:
    with pytest.raises(UnknownModel, match=f"'dia': {option} is '{value}'; allowed: "):
        Dia(**{option: value})  # type: ignore[arg-type]


def test_numbers_are_what_the_device_calculates_fastest() -> None:
    counts = {"slots": "4", "max_tokens": "auto", "threads": "1", "graphs": "auto"}
    cpu, gpu = parse("cpu", "auto", **counts), parse("cuda:1", "auto", **counts)
    assert (cpu.dtype, cpu.graphs) == ("float32", False)
    assert (gpu.dtype, gpu.graphs, gpu.slots) == ("bfloat16", True, 4)
    assert not parse("cuda", "auto", **counts | {"graphs": "off"}).graphs


def test_settings_are_its_options(folder: Path) -> None:
    environ = {"TTS_DIA_CHECKPOINT": str(folder), "TTS_DIA_SLOTS": "3", "TTS_TORCH_DEVICE": "cuda:1"}
    engine = load_engine("models.dia:Dia", {"models.dia:Dia": settings.load(environ).engine_options["dia"]})
    assert isinstance(engine, Dia)
    assert engine.slots == 3
    assert "device=cuda:1" in engine.revision


@pytest.mark.parametrize("file", ["pytorch_model.bin", "dia.pth", "extra.pt", "optimizer.pkl", "last.ckpt"])
@pytest.mark.parametrize("place", [".", "codec"])
def test_pickles_are_refused_by_name(folder: Path, file: str, place: str) -> None:
    (folder / place / file).write_bytes(b"")
    with pytest.raises(UnknownModel, match=rf"{file} can run code when it is loaded"):
        Dia(str(folder))


def test_code_is_refused_by_name(folder: Path) -> None:
    (folder / "modeling.py").write_text("raise SystemExit")
    with pytest.raises(UnknownModel, match=r"modeling\.py is code"):
        Dia(str(folder))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "codec/config.json"])
def test_remote_code_is_refused_by_name(folder: Path, file: str) -> None:
    path = folder / file
    said = json.loads(path.read_text()) if path.exists() else {}
    write(path, said | {"deep": [{"auto_map": {"AutoModel": "modeling.Mine"}}]})
    with pytest.raises(UnknownModel, match=rf"{path.name} has auto_map"):
        Dia(str(folder))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"model_type": "vits"}, "model_type 'vits', not 'dia'"),
        ([], r"config\.json is no JSON object"),
        (None, r"config\.json is no JSON object"),
    ],
)
def test_other_checkpoints_are_refused(folder: Path, said: object, why: str) -> None:
    write(folder / "config.json", said)
    with pytest.raises(UnknownModel, match=why):
        Dia(str(folder))


def test_broken_and_missing_checkpoints(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(UnknownModel, match=r"config\.json is no JSON"):
        Dia(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(UnknownModel, match=r"has no config\.json"):
        Dia(str(folder))
    with pytest.raises(UnknownModel, match="neither a directory nor a name of the model hub"):
        Dia(str(tmp_path / "nowhere"))


def test_weights_are_safetensors_or_nothing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnknownModel, match="no weights as safetensors"):
        checkpoint.find(str(folder), "dia").weights()


def test_another_checkpoint_is_another_revision(folder: Path) -> None:
    before = Dia(str(folder)).revision
    (folder / "model.safetensors").write_bytes(b"weighty")
    assert Dia(str(folder)).revision != before


def test_the_codec_may_be_named_by_the_processor(folder: Path) -> None:
    (folder / "codec").rename(folder / "dac")
    write(folder / "processor_config.json", {"audio_tokenizer": {"audio_tokenizer_name_or_path": "dac"}})
    assert Dia(str(folder)).rate == 44_100


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The checkpoint in the hub's cache, and no way to the hub itself."""
    cached = tmp_path / "cache/models--ann--dia"
    (cached / "snapshots").mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text(COMMIT)
    (cached / "refs/v2").write_text(COMMIT)
    folder.rename(cached / "snapshots" / COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return "ann/dia"


def test_a_checkpoint_of_the_hub_is_used_offline(hub: str) -> None:
    assert f"dia {COMMIT[:12]}" in Dia(hub).revision
    assert Dia(f"{hub}@v2").revision == Dia(hub, revision=COMMIT).revision == Dia(hub).revision
    assert checkpoint.find(hub, "dia").weights().name == COMMIT


@pytest.mark.parametrize("name", ["ann/dia@v3", "ann/other"])
def test_what_the_cache_lacks_is_told(hub: str, name: str) -> None:
    del hub
    with pytest.raises(UnknownModel, match=f"checkpoint '{name}' cannot be had"):
        Dia(name)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four seconds of two channels at another rate."""
    wave = 0.3 * np.sin(np.arange(4 * 16_000) * 0.1)
    soundfile.write(tmp_path / "recording.flac", np.stack([wave, wave], 1), 16_000)
    return tmp_path / "recording.flac"


def test_voices_come_and_go(tmp_path: Path, recording: Path) -> None:
    voices = VoiceFolder(tmp_path / "voices")
    assert (list(voices), voices.digest) == ([], "")
    assert voices.add("ann.2", recording, "  Good\n morning. ") == pytest.approx(4)
    samples, transcript = voices["ann.2"].read()
    assert (len(samples), transcript) == (4 * RATE, "Good morning.")
    first = voices.digest
    voices.add("Bob", recording, "[S2] Hello.")
    assert [voice.name for voice in voices] == ["Bob", "ann.2"]
    assert voices.digest != first
    voices.remove("Bob")
    assert voices.digest == first
    with pytest.raises(UnknownVoice, match=r"'Bob' is unknown; allowed: default, ann\.2"):
        voices.remove("Bob")
    assert {path.name for path in (tmp_path / "voices").iterdir()} == {"ann.2.wav", "ann.2.txt"}


@pytest.mark.parametrize("name", ["", "-a", "a/b", "../a", "a b", "x" * 65, "default", "Default"])
def test_names_of_voices(tmp_path: Path, recording: Path, name: str) -> None:
    with pytest.raises(RefusedVoice, match="is no name; allowed: "):
        VoiceFolder(tmp_path / "voices").add(name, recording, "Hello.")


def test_a_name_is_given_once(tmp_path: Path, recording: Path) -> None:
    voices = VoiceFolder(tmp_path)
    voices.add("ann", recording, "Hello.")
    with pytest.raises(RefusedVoice, match="'ANN' is there already"):
        voices.add("ANN", recording, "Hello.")


@pytest.mark.parametrize("transcript", ["", " … ", "x" * MOST_TRANSCRIPT_BYTES])
def test_transcripts(tmp_path: Path, recording: Path, transcript: str) -> None:
    with pytest.raises(RefusedVoice, match=r"the transcript .* bytes; allowed: "):
        VoiceFolder(tmp_path).add("ann", recording, transcript)


@pytest.mark.parametrize(
    ("seconds", "loud", "why"),
    [(2.9, 0.1, "has 2.9 s; allowed: 3 to 15 s"), (15.1, 0.1, "has 15.1 s"), (4, 0, "silent")],
)
def test_recordings(tmp_path: Path, seconds: float, loud: float, why: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(round(seconds * 8000), loud, np.float32), 8000)
    with pytest.raises(RefusedVoice, match=why):
        VoiceFolder(tmp_path / "voices").add("ann", tmp_path / "a.wav", "Hello.")
    assert not (tmp_path / "voices").exists()


def test_a_recording_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    for path in (tmp_path / "a.wav", tmp_path / "none.wav"):
        with pytest.raises(RefusedVoice, match="cannot be read"):
            VoiceFolder(tmp_path / "voices").add("ann", path, "Hello.")
