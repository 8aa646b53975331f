import subprocess
import sys

import numpy as np
import pytest

from models.engine import Piece
from models.espeak import Espeak
from models.espeak_voices import bcp47
from models.hibari import Hibari
from models.plugins import installed, load_engine
from models.silence import trim
from models.speech import Speech
from models.stretch import stretch
from models.tone import Tone


def test_engines_are_plugged_in_by_entry_point() -> None:
    assert {"espeak", "hibari", "tone"} <= set(installed())
    for name in installed():
        assert load_engine(name).name == name


def test_describing_an_engine_imports_no_runtime() -> None:
    script = (
        "import sys; from models.registry import Registry; r = Registry(['hibari', 'espeak', 'tone'])\n"
        "for e in r.engines.values(): e.revision, e.voices, e.estimate('a', 1), e.cost('a', 1)\n"
        "heavy = ('hibari', 'onnxruntime', 'torch', 'scipy', 'g2p_hamster', 'num2words')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("engine", [Hibari(), Espeak(), Tone()])
def test_longer_and_slower_takes_longer(engine: Hibari | Espeak | Tone) -> None:
    assert engine.revision
    assert 0 < engine.estimate("Hello", 1.0) < engine.estimate("Hello there, my friend", 1.0)
    assert engine.estimate("Hello there", 2.0) < engine.estimate("Hello there", 0.5)
    assert engine.cost("Hello", 1.0) > 0


def test_espeak_voices() -> None:
    voices = {voice.name: voice.languages for voice in Espeak().voices}
    assert next(iter(voices)) == "en-us"
    assert voices["vi"] == ("vi",)
    assert voices["vi-vn-x-south"] == ("vi-VN-x-south",)
    assert voices["en-gb"] == ("en-GB", "en")
    # Its dictionary is missing in the package, so it would be silent.
    assert "fo" not in voices


def test_letter_case_of_language_tags() -> None:
    assert bcp47("vi-vn-x-south") == "vi-VN-x-south"
    assert bcp47("yue-latn-jyutping") == "yue-Latn-jyutping"
    assert bcp47("es-419") == "es-419"


def test_tone_is_exactly_as_long_as_estimated() -> None:
    engine = Tone()
    speech = engine.speak(Piece("Hello there", "sine", 0.5, 7))
    assert speech.seconds == pytest.approx(engine.estimate("Hello there", 0.5), abs=1e-4)
    assert speech.samples.dtype == np.float32
    assert np.array_equal(speech.samples, engine.speak(Piece("Hello there", "sine", 0.5, 7)).samples)


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.8, 2.0])
def test_stretching_keeps_pitch_and_loudness(factor: float) -> None:
    rate = 24_000
    wave = (0.3 * np.sin(np.arange(rate) * (2 * np.pi * 200 / rate))).astype(np.float32)
    out = stretch(Speech(wave, rate), factor)
    assert len(out.samples) == round(len(wave) * factor)
    middle = out.samples[len(out.samples) // 4 : -len(out.samples) // 4]
    peak = np.argmax(np.abs(np.fft.rfft(middle))) * rate / len(middle)
    assert peak == pytest.approx(200, abs=6)
    assert np.abs(middle).max() == pytest.approx(0.3, rel=0.15)


def test_silence_around_speech_is_trimmed() -> None:
    rate = 24_000
    speech = np.concatenate((np.zeros(9_000), np.full(12_000, 0.1), np.zeros(9_000))).astype(np.float32)
    assert len(trim(speech, rate)) == pytest.approx(12_000 + 2 * 0.06 * rate, abs=2 * rate * 0.01)
    assert len(trim(speech[:9_000], rate)) == 9_000
    assert len(trim(speech[:0], rate)) == 0


def test_stretching_by_one_changes_nothing() -> None:
    speech = Speech(np.zeros(10, np.float32), 24_000)
    assert stretch(speech, 1.0) is speech
