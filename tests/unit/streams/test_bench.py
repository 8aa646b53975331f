"""What `loa bench` measures: which voices, with which text, and how often."""

from pathlib import Path

import pytest

from models.engine import UnknownVoice
from models.measure import Figures
from streams import bench, settings
from streams.bench import ENGLISH, VIETNAMESE, on_gpu, voices_of


def test_the_first_voice_of_each_model_with_sentences_of_ours() -> None:
    voices = voices_of(
        settings.load({"TTS_MODELS": "hibari,espeak", "TTS_SPEAKERS": "44=hibari/heart"}), (), None, None
    )
    assert [(voice.name, voice.choice.model) for voice in voices] == [("hibari", "hibari"), ("espeak", "espeak")]
    assert all(voice.choice.text == ENGLISH for voice in voices)
    assert [len(voice.chunks) for voice in voices] == [6, 6]
    assert not any(voice.several for voice in voices)


@pytest.mark.parametrize("asked", ["vi", "espeak/vi"])
def test_a_vietnamese_voice_has_vietnamese_sentences(asked: str) -> None:
    (voice,) = voices_of(settings.load({}), (), asked, None)
    assert (voice.choice.model, voice.choice.voice, voice.choice.text) == ("espeak", "vi", VIETNAMESE)
    assert len(voice.chunks) == 6


def test_a_text_of_ones_own_is_spoken_as_it_is_by_every_voice() -> None:
    (voice,) = voices_of(settings.load({}), (), "vi", "Only this.\n\n—\n\nAnd 3.")
    assert [chunk.text for chunk in voice.chunks] == ["Only this.", "And ba."]


def test_models_that_are_not_served_can_be_measured_and_a_voice_be_asked_of_them() -> None:
    served = settings.load({"TTS_MODELS": "espeak"})
    (voice,) = voices_of(served, ["tone", "tone"], "sine", None)
    assert voice.name == "tone"
    with pytest.raises(UnknownVoice, match="allowed: tone/sine"):
        voices_of(served, ["tone"], "heart", None)


async def test_each_number_of_processes_has_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def measure(fleet: object, choice: object, chunks: object, seconds: float, **_: object) -> Figures | None:
        asked.append((fleet, seconds))
        return None

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "open_engines", lambda given: (given.engine_processes, given.models_on_demand))
    used = settings.load({"TTS_MODELS": "tone", "TTS_MODELS_ON_DEMAND": "tone"})
    (voice,) = voices_of(used, (), None, None)
    await bench.bench(used, voice, [1, 4], 20.0, lambda _: None)
    assert asked == [((1, ()), 10.0), ((4, ()), 10.0)]


@pytest.mark.parametrize(
    ("device", "driver", "model", "wanted"),
    [
        ("auto", True, "dia", True),
        ("auto", False, "dia", False),
        ("cpu", True, "dia", False),
        ("cuda:1", False, "dia", True),
        ("cuda", True, "tone", False),
    ],
)
def test_which_engines_use_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, driver: bool, model: str, wanted: bool
) -> None:
    monkeypatch.setattr(bench, "_DRIVER", tmp_path if driver else tmp_path / "none")
    (voice,) = voices_of(settings.load({"TTS_MODELS": "tone"}), (), None, None)
    named = bench.Voice(model, voice.choice, voice.chunks)
    assert on_gpu(settings.load({"TTS_TORCH_DEVICE": device}), named) == wanted
