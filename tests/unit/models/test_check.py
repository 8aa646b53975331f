import numpy as np
import pytest

from models.check import check, count_words
from models.engine import AudioRejected
from models.speech import Speech

RATE = 16_000


def noise(seconds: float, loudness: float = 0.1) -> Speech:
    samples = np.random.default_rng(0).normal(size=round(seconds * RATE)) * loudness
    return Speech(samples.astype(np.float32), RATE)


def test_good_speech_passes() -> None:
    check(noise(1.2), "Hello there, my friend.", 1.0, 1.5, RATE)


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        (Speech(np.zeros(0, np.float32), RATE), "no samples"),
        (Speech(np.zeros(RATE, np.float32), RATE), "silence"),
        (noise(1, 1e-4), "silence"),
        (Speech(np.full(RATE, np.nan, np.float32), RATE), "not finite"),
        (Speech(np.array([0.5, np.inf] * RATE, np.float32), RATE), "not finite"),
        (noise(0.01), "0.01 s of audio"),
        (noise(60), "60.00 s of audio, at most 24.00 s"),
        (Speech(noise(1).samples, 2 * RATE), "32000 Hz instead of 16000 Hz"),
    ],
)
def test_what_cannot_be_speech_is_rejected(speech: Speech, reason: str) -> None:
    with pytest.raises(AudioRejected, match=reason):
        check(speech, "Hello", 1.0, 0.7, RATE)


def test_a_cut_text_is_rejected_with_figures() -> None:
    with pytest.raises(AudioRejected, match=r"1\.00 s of audio, at least 6\.00 s expected"):
        check(noise(1), "word " * 100, 1.0, 35.0, RATE)


def test_odd_texts_pass() -> None:
    check(noise(2.8), "w" * 300, 1.0, 17.0, RATE)
    check(noise(0.3), "a", 4.0, 0.2, RATE)
    check(noise(2), "สวัสดีครับ" * 5, 1.0, 3.0, RATE)


def test_words_of_scripts_without_spaces_are_counted() -> None:
    assert count_words("hello — world 5") == 3
    assert count_words("你好世界你好世界") == 4
