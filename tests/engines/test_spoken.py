"""The audio check beside the voices: real speech passes at any speed, and damage to it is found."""

from collections.abc import Iterator

import pytest

from benchmarks.damages import DAMAGES
from benchmarks.odd_texts import MARKS, WORDS, vietnamese
from benchmarks.texts import texts
from models.check import CRITERIA, check
from models.engine import AudioRejected, Engine, Piece
from models.plugins import load_engine
from models.speech import Speech

VOICES = {"heart": "hibari", "en-us": "espeak", "vi": "espeak"}
UNBROKEN = (
    "telephone and asked you to call back before o clock scientists in melbourne reported on tuesday that the new "
    "prescription works better than anyone had expected the tram to vienna leaves from platform at when the tram "
    "finally reached lisbon thomas was already waiting in front of the library with a"
)
"""More phonemes, by a word, than hibari sees at once, and no mark to cut it at."""
ENGLISH = [*texts(6, seed=3), *MARKS[::3], *WORDS[::5], "$1,234,567.89", "7777777", UNBROKEN]
FOUND = {
    "no samples": 1.0,
    "one sample that is no number": 1.0,
    "another rate": 1.0,
    "silent": 1.0,
    "cut at 15 %": 0.9,
    "cut at 40 %": 0.8,
    "cut at 70 %": 0.4,
    "silenced for 1.5 s": 1.0,
    "stuck on 0.5 s": 0.7,
    "stuck on 1 s": 0.8,
    "stuck on 1 s, not quite the same": 0.8,
    "eight times too loud": 0.9,
    "noise instead": 1.0,
    "noise from the middle on": 1.0,
    "hum instead": 1.0,
}
"""The share of each damage that is found at least, below what hundreds of texts gave: docs/guarantees.md."""


@pytest.fixture(scope="module", params=VOICES)
def voice(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, str]]:
    engine = load_engine(VOICES[request.param])
    engine.load()
    yield engine, request.param
    close = getattr(engine, "_zygote", None)
    if close is not None:
        close.stdin.close()
        close.stdout.close()
        close.wait()


def spoken(voice: tuple[Engine, str], few: list[str], speed: float = 1.0) -> list[tuple[str, Speech]]:
    engine, name = voice
    return [(text, engine.speak(Piece(text, name, speed, 5))) for text in few if len(text) <= engine.max_characters]


def criterion(engine: Engine, text: str, speech: Speech, speed: float = 1.0) -> str | None:
    try:
        check(speech, text, speed, engine.estimate(text, speed), engine.rate, criteria=CRITERIA.keys())
    except AudioRejected as error:
        return str(error)
    return None


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_real_speech_passes(voice: tuple[Engine, str], speed: float) -> None:
    few = vietnamese(15, seed=3) if voice[1] == "vi" else ENGLISH
    alarms = [criterion(voice[0], text, speech, speed) for text, speech in spoken(voice, few, speed)]
    assert [alarm for alarm in alarms if alarm] == []


def test_damage_to_real_speech_is_found(voice: tuple[Engine, str]) -> None:
    few = vietnamese(30, seed=4)[:30] if voice[1] == "vi" else texts(20, seed=4)
    whole = [each for each in spoken(voice, few) if each[1].seconds >= 3]
    shares = {
        name: sum(criterion(voice[0], text, DAMAGES[name](speech)) is not None for text, speech in whole) / len(whole)
        for name in FOUND
    }
    assert {name: share for name, share in shares.items() if share < FOUND[name]} == {}
