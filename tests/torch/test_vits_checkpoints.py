"""Checkpoints of the engine `vits`: several, told apart, incomplete, from the hub's cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.engine import Piece, UnknownModel
from models.plugins import load_engine
from models.speech import Speech
from models.vits import Vits
from tests.torch.vits_speaking import engine, samples, spoken


def test_several_checkpoints_and_speakers(plain: Path, many: Path) -> None:
    made = engine(plain, many)
    assert [voice.name for voice in made.voices] == ["tiny-vie", "many-0", "many-1", "many-2"]
    assert [voice.languages for voice in made.voices] == [("vi",), ("en",), ("en",), ("en",)]
    assert made.rate == 22_050
    results = spoken(made, [Piece("xin chào các bạn", voice.name, 1.0, 1) for voice in made.voices])
    assert all(isinstance(one, Speech) and one.rate == 22_050 for one in results)
    speakers = [samples(one) for one in results[1:]]
    assert len({one.tobytes() for one in speakers}) == 3
    alone = engine(plain).speak(Piece("xin chào các bạn", "tiny-vie", 1.0, 1))
    assert len(samples(results[0])) == pytest.approx(len(alone.samples) * 22_050 / 16_000, abs=2)
    with pytest.raises(UnknownModel, match="both have the voice 'tiny-vie'"):
        Vits(checkpoint=f"{plain},{plain}")


def test_the_revision_tells_weights_and_numbers(plain: Path, regular: Path, tmp_path: Path) -> None:
    first = Vits(str(plain), "cpu").revision
    assert "tiny-vie " in first
    assert "torch " in first
    assert first == Vits(str(plain), "cpu").revision
    assert first != Vits(str(plain), "cpu", "float64").revision
    assert first != Vits(str(regular), "cpu").revision
    copy = tmp_path / "tiny-vie"
    copy.mkdir()
    for file in plain.iterdir():
        data = bytearray(file.read_bytes())
        if file.suffix == ".safetensors":
            data[-1] ^= 1
        (copy / file.name).write_bytes(data)
    assert first != Vits(str(copy), "cpu").revision


def test_a_checkpoint_that_lacks_weights_is_refused(plain: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in plain.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["flow.flows.0.conv_pre.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnknownModel, match=r"lacks 1 weights, flow\.flows\.0\.conv_pre\.weight"):
        engine(tmp_path)


def test_describing_the_engine_imports_no_torch(plain: Path) -> None:
    script = (
        "import sys; from models.registry import Registry\n"
        f"r = Registry(['vits'], options={{'vits': {{'checkpoint': {str(plain)!r}}}}})\n"
        "e = r.engines['vits']; e.revision, e.voices, e.rate, e.estimate('a', 1), e.cost('a', 1)\n"
        "print(r.resolve('xin chào', language='vi').voice, [m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "tiny-vie []"


def test_a_name_of_the_hub_is_read_from_its_cache(plain: Path, tmp_path: Path) -> None:
    """Offline, as HF_HUB_OFFLINE asks for: pinned by its commit, by `main`, and one that was never fetched."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--facebook--mms-tts-vie"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit)
    snapshot = cached / "snapshots" / commit
    snapshot.parent.mkdir()
    snapshot.symlink_to(plain)
    script = (
        "from models.engine import Piece, UnknownModel; from models.vits import Vits\n"
        f"for source in ('facebook/mms-tts-vie', 'facebook/mms-tts-vie@{commit}'):\n"
        "    e = Vits(source, 'cpu'); e.load()\n"
        "    print(e.voices[0].name, e.revision.split(';')[0], e.speak(Piece('xin chào', 'mms-tts-vie', 1, 1)).rate)\n"
        "try: Vits('facebook/mms-tts-eng')\n"
        "except UnknownModel as error: print(error)\n"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    *found, missing = done.stdout.strip().splitlines()
    assert found == ["mms-tts-vie mms-tts-vie 0123456789abcdef 16000"] * 2
    assert missing.startswith("checkpoint 'facebook/mms-tts-eng' cannot be fetched")


def test_the_entry_point_leads_here() -> None:
    assert isinstance(load_engine("vits", {"vits": {"device": "cpu"}}), Vits)
