"""The gate, on sounds that are made like speech: syllables that rise and fall, pauses, and an end."""

from functools import cache

import numpy as np
import pytest

from benchmarks.damages import DAMAGES
from models.check import BARE, CRITERIA, Asked, check, count_words, criteria_of, readings
from models.check.looping import repeats_itself
from models.engine import AudioRejected, Engine
from models.speech import Speech
from models.tone import Tone

RATE = 16_000
ALL = CRITERIA.keys()
TEXT = "It was a dark night, and nobody in the small town near the river had heard the ferry come in."


def noise(seconds: float, loudness: float = 0.1) -> Speech:
    samples = np.random.default_rng(0).normal(size=round(seconds * RATE)) * loudness
    return Speech(samples.astype(np.float32), RATE)


@cache
def babble(seconds: float = 6.0, seed: int = 0) -> Speech:
    """Syllables of changing length, pitch, colour and loudness, a pause after some, and an end that fades."""
    chance, parts = np.random.default_rng(seed), []
    while sum(map(len, parts)) < seconds * RATE:
        count = round(RATE * chance.uniform(0.1, 0.3))
        phase = (2 * np.pi * np.cumsum(np.linspace(*chance.uniform(90, 180, 2), count)) / RATE).astype(np.float32)
        voiced = sum(np.sin(k * phase) * chance.uniform(0.1, 1) / k for k in range(1, 12))
        hiss = chance.normal(size=count) * chance.uniform(0.01, 0.3)
        parts.append((voiced + hiss) * np.hanning(count) * chance.uniform(0.2, 1))
        parts.append(np.zeros(round(RATE * chance.choice([0.0, 0.02, 0.25]))))
    samples = np.concatenate(parts)
    samples = (0.6 * samples / np.max(np.abs(samples))).astype(np.float32)
    samples.flags.writeable = False
    return Speech(samples, RATE)


def rejected(speech: Speech, text: str = TEXT, estimate: float = 6.0, speed: float = 1.0) -> str | None:
    """The criterion that says no."""
    try:
        check(speech, text, speed, estimate, RATE, criteria=ALL)
    except AudioRejected as error:
        return str(error).partition(":")[0]
    return None


@pytest.mark.parametrize("seed", range(20))
def test_what_is_like_speech_passes(seed: int) -> None:
    assert rejected(babble(seed=seed)) is None


@pytest.mark.parametrize(
    ("damage", "criteria"),
    [
        ("no samples", {"empty"}),
        ("one sample that is no number", {"finite"}),
        ("another rate", {"rate"}),
        ("silent", {"silence"}),
        ("cut at 15 %", {"duration"}),
        ("silenced for 1.5 s", {"gap"}),
        ("stuck on 0.5 s", {"looping"}),
        ("stuck on 1 s", {"looping"}),
        ("stuck on 1 s, not quite the same", {"looping"}),
        ("eight times too loud", {"clipping"}),
        ("noise instead", {"steady"}),
        ("noise from the middle on", {"steady"}),
        ("hum instead", {"steady"}),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_damage_is_found_by_the_criterion_for_it(damage: str, criteria: set[str], seed: int) -> None:
    assert rejected(DAMAGES[damage](babble(seed=seed))) in criteria


def test_what_is_cut_off_within_a_syllable_is_found() -> None:
    speech = babble()
    half = len(speech.samples) // 2
    loudest = half + int(np.argmax(np.abs(speech.samples[half:])))
    assert rejected(Speech(speech.samples[:loudest], RATE)) == "ending"


def test_a_message_names_criterion_value_limit_and_text() -> None:
    with pytest.raises(AudioRejected) as error:
        check(noise(1), "word " * 100, 1.0, 35.0, RATE)
    assert str(error.value) == (
        "duration: 1 s of audio, at least 17.5 s expected, "
        "for 'word word word word word word word word word word word word…'"
    )


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        (Speech(np.zeros(0, np.float32), RATE), "empty: no samples"),
        (Speech(np.zeros(RATE, np.float32), RATE), "silence: 0 at its peak, at least 0.005 expected"),
        (noise(1, 1e-4), "silence"),
        (Speech(np.full(RATE, np.nan, np.float32), RATE), "finite"),
        (Speech(np.array([0.5, np.inf] * RATE, np.float32), RATE), "finite"),
        (noise(0.01), "duration: 0.01 s of audio"),
        (noise(60), "duration: 60 s of audio, at most 24 s"),
        (Speech(noise(1).samples, 2 * RATE), "rate: 32000 Hz, 16000 Hz expected"),
    ],
)
def test_what_nothing_may_be_is_rejected_whatever_it_is_of(speech: Speech, reason: str) -> None:
    with pytest.raises(AudioRejected, match=reason):
        check(speech, "Hello", 1.0, 0.7, RATE)


def test_what_is_no_speech_passes_where_only_samples_are_asked_for() -> None:
    check(noise(1, 1e-4), "word " * 100, 1.0, 35.0, RATE, criteria=BARE)
    with pytest.raises(AudioRejected, match="finite"):
        check(Speech(np.full(RATE, np.nan, np.float32), RATE), "Hello", 1.0, 0.7, RATE, criteria=BARE)


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("count", [1, 7, 160, 161, 2_000, 5_000])
def test_however_short_it_is_it_can_be_looked_at(count: int, speed: float) -> None:
    speech = Speech(babble(1).samples[:count], RATE)
    asked = Asked("a", speed, 0.1, RATE)
    assert {reading.criterion for reading in readings(speech, asked)} >= {"silence", "duration", "gap", "ending"}


@pytest.mark.parametrize(
    ("text", "seconds", "accepted"),
    [
        ("It was a dark night, and nobody was there to hear the ferry.", 1.2, False),  # 4 s: a share of 0.4
        ("It was a dark night, and nobody was there to hear the ferry.", 1.8, True),
        ("It was a dark night, and nobody was there to hear the ferry.", 13.0, False),
        ("a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h", 1.8, True),  # words as no words are
        ("%%%%", 30.0, True),
    ],
)
def test_plain_texts_are_near_their_estimate(text: str, seconds: float, *, accepted: bool) -> None:
    (reading,) = [r for r in readings(noise(seconds), Asked(text, 1.0, 4.0, RATE)) if r.criterion == "duration"]
    assert reading.fits == accepted


def test_odd_texts_pass() -> None:
    check(noise(2.8), "w" * 300, 1.0, 17.0, RATE)
    check(noise(0.3), "a", 4.0, 0.2, RATE)
    check(noise(2), "สวัสดีครับ" * 5, 1.0, 3.0, RATE)


def test_a_text_that_repeats_itself_may_sound_the_same_again_and_again() -> None:
    looped = DAMAGES["stuck on 1 s"](babble())
    assert rejected(looped) == "looping"
    assert rejected(looped, "The cat sat on the mat. The cat sat on the mat. The cat sat on the mat. " + TEXT) is None


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("ha ha ha ha", True),
        ("hahaha", True),
        ("7777777", True),
        ("Thank you. Thank you. Thank you.", True),
        ("Line one of the text. Line two of the text. Line three of the text.", True),
        (TEXT, False),
        ("Bye bye", False),
        ("", False),
    ],
)
def test_texts_that_repeat_themselves(text: str, *, again: bool) -> None:
    assert repeats_itself(text) == again


def test_an_engine_may_say_what_its_sound_is_not() -> None:
    tone: Engine = Tone()
    assert set(ALL) - criteria_of(tone) == {"steady", "looping", "ending"}


def test_words_of_scripts_without_spaces_are_counted() -> None:
    assert count_words("hello — world 5") == 3
    assert count_words("你好世界你好世界") == 4
