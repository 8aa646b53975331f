"""The engine `dia`, as an engine process uses it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from models.dia import Dia
from models.dia.voices import MOST_TRANSCRIPT_BYTES
from models.engine import Ended, EngineDied, ModelError, OutOfMemory, Piece, SpeakError, UnknownModel, UnknownVoice
from models.speech import Speech
from models.stretch import stretch

PIECES = [Piece(f"Piece number {n}.", "default", 1.0, n) for n in range(6)]

NewDia = Callable[..., Dia]


@pytest.fixture
def new_dia(checkpoint: Path, tmp_path: Path) -> NewDia:
    def make(**options: str) -> Dia:
        defaults = {"device": "cpu", "dtype": "float64", "slots": "3", "voices": str(tmp_path), "max_tokens": "128"}
        engine = Dia(str(checkpoint), **defaults | options)
        engine.load()
        return engine

    return make


def run(engine: Dia, pieces: list[Piece]) -> dict[int, Speech | ModelError]:
    waiting, ended = dict(enumerate(pieces)), {}
    while len(ended) < len(pieces):
        while waiting and engine.fits(piece := next(iter(waiting.values()))):
            key = next(iter(waiting))
            engine.admit(key, piece)
            del waiting[key]
        ended |= {each.key: each.result for each in engine.step()}
    return ended


def samples(result: Speech | ModelError) -> np.ndarray:
    assert isinstance(result, Speech), result
    return result.samples


def test_pieces_spoken_together_are_those_spoken_alone(new_dia: NewDia) -> None:
    engine = new_dia()
    together = run(engine, PIECES)
    for key, piece in enumerate(PIECES):
        try:
            alone = engine.speak(piece)
        except SpeakError as error:
            assert str(error) == str(together[key])
        else:
            assert alone.rate == engine.rate == 44_100
            assert np.abs(alone.samples - samples(together[key])).max() < 1e-6
    assert sum(isinstance(result, Speech) for result in together.values()) >= 3


def test_one_can_be_spoken_while_others_wait(new_dia: NewDia) -> None:
    engine = new_dia()
    engine.admit(0, PIECES[0])
    engine.admit(1, PIECES[1])
    engine.drop(1)
    engine.speak(PIECES[2])
    ended: list[Ended] = []
    while not ended:
        ended += engine.step()
    assert [each.key for each in ended] == [0]


def test_speed_stretches(new_dia: NewDia) -> None:
    engine = new_dia()
    piece = spoken_piece(engine)
    slow = engine.speak(Piece(piece.text, piece.voice, 0.5, piece.seed))
    assert np.array_equal(slow.samples, stretch(engine.speak(piece), 2.0).samples)


def spoken_piece(engine: Dia) -> Piece:
    """One that comes to its end."""
    results = run(engine, PIECES)
    return next(piece for key, piece in enumerate(PIECES) if isinstance(results[key], Speech))


def test_who_does_not_come_to_an_end_is_told(new_dia: NewDia) -> None:
    engine = new_dia(max_tokens="64")
    piece = Piece("A text that goes on and on.", "default", 1.0, 3)
    engine._speaker.max_tokens = 4  # nothing ends so early
    with pytest.raises(SpeakError, match=r"did not come to an end within 0\.0 s; another seed may"):
        engine.speak(piece)


def test_what_is_refused_leaves_the_others_alone(new_dia: NewDia) -> None:
    engine = new_dia()
    alone = run(engine, PIECES[:1])[0]
    engine.admit(0, PIECES[0])
    with pytest.raises(SpeakError, match="1504 bytes; dia takes at most 1024"):
        engine.admit(1, Piece("é" * 750 + "ab", "default", 1.0, 0))
    with pytest.raises(UnknownVoice, match="'nobody' is unknown; allowed: default"):
        engine.admit(1, Piece("Hello", "nobody", 1.0, 0))
    ended: list[Ended] = []
    while not ended:
        ended += engine.step()
    assert np.array_equal(samples(ended[0].result), samples(alone))


def test_out_of_memory_ends_a_piece_and_not_the_engine(new_dia: NewDia, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = new_dia()
    piece = spoken_piece(engine)
    before = samples(engine.speak(piece))
    state = engine._speaker.loop._state

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(state, "begin", full)
        with pytest.raises(OutOfMemory):
            engine.admit(0, piece)
    engine.admit(1, piece)
    with monkeypatch.context() as patch:
        patch.setattr(state, "advance", full)
        ended = engine.step()
    assert [(each.key, type(each.result)) for each in ended] == [(1, OutOfMemory)]
    assert np.array_equal(samples(engine.speak(piece)), before)


def test_a_cloned_voice_is_another(new_dia: NewDia, tmp_path: Path) -> None:
    engine = new_dia(max_tokens="320", voices=str(tmp_path / "voices"))
    assert [voice.name for voice in engine.voices] == ["default"]
    before = engine.revision
    tone = 0.3 * np.sin(np.arange(3 * 22_050) * 0.05)
    soundfile.write(tmp_path / "ann.wav", tone, 22_050)
    engine._folder.add("ann", tmp_path / "ann.wav", "x" * (MOST_TRANSCRIPT_BYTES - 5))
    assert [voice.name for voice in engine.voices] == ["default", "ann"]
    assert engine.revision != before
    longest = Piece("\U0001f600" * engine.max_characters, "ann", 1.0, 1)
    request = engine._speaker._request(longest)
    assert len(request.text) <= 1024
    assert request.recording is not None
    assert request.recording.shape == (259, 9)
    assert engine._speaker._request(longest).recording is request.recording
    results = run(engine, [Piece(each.text, "ann", 1.0, each.seed) for each in PIECES[:3]])
    assert len(results) == 3


def test_not_loaded(checkpoint: Path) -> None:
    with pytest.raises(EngineDied):
        Dia(str(checkpoint)).fits(PIECES[0])


def test_weights_that_are_missing_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path / "part")
    weights = load_file(tmp_path / "part/model.safetensors")
    del weights["model.decoder.norm.weight"]
    save_file(weights, tmp_path / "part/model.safetensors", {"format": "pt"})
    with pytest.raises(UnknownModel, match=r"lacks 1 weights, such as model\.decoder\.norm\.weight"):
        Dia(str(tmp_path / "part"), device="cpu").load()


def test_another_revision_for_other_weights(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path / "tuned")
    assert Dia(str(tmp_path / "tuned")).revision == Dia(str(checkpoint)).revision
    weights = load_file(tmp_path / "tuned/model.safetensors")
    save_file({name: weight * 1.01 for name, weight in weights.items()}, tmp_path / "tuned/model.safetensors")
    assert Dia(str(tmp_path / "tuned")).revision != Dia(str(checkpoint)).revision


def test_a_codec_that_does_not_fit_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path / "mixed")
    config = tmp_path / "mixed/config.json"
    said = json.loads(config.read_bytes())
    said["decoder_config"]["eos_token_id"] = 1025
    config.write_text(json.dumps(said))
    with pytest.raises(UnknownModel, match="9 books of 1024 codes, and the checkpoint writes 9 of 1025"):
        Dia(str(tmp_path / "mixed"), device="cpu").load()


def test_describing_it_imports_no_torch(checkpoint: Path) -> None:
    script = (
        f"import sys; from models.dia import Dia; d = Dia({str(checkpoint)!r})\n"
        "d.revision, d.voices, d.estimate('a', 1), d.cost('a', 1), d.rate\n"
        "print([m for m in ('torch', 'transformers', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
