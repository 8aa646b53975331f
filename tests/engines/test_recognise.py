"""Who listens to each piece: words that were not spoken are found, and the rest passes."""

from collections.abc import Awaitable, Callable

import pytest

from models.engine import AudioRejected, Piece, UnknownModel
from models.host import EnginePool
from models.recognise.listened import words
from models.recognise.recogniser import Listening, load_recogniser, refuse_unknown

StartPool = Callable[..., Awaitable[EnginePool]]

TODAY = "the birch canoe slid on the smooth planks of the old boat in the harbour"
LISTENING = Listening("pocketsphinx", 0.5)


async def test_words_that_were_left_out_are_missed(start_pool: StartPool) -> None:
    pool = await start_pool("odd_engines:Forgetful", listening=LISTENING)
    speech = await pool.speak("forgetful", Piece(TODAY, "heart", 1.0, 1), 60)
    assert speech.seconds > 2
    with pytest.raises(AudioRejected, match=r"^words: 0\.\d+ of 18 not heard, at most 0\.5 expected; heard 'the "):
        await pool.speak("forgetful", Piece(f"{TODAY} from tomorrow on", "heart", 1.0, 1), 60)
    assert (await pool.speak("forgetful", Piece(TODAY, "heart", 1.0, 2), 60)).seconds > 2, "another one has come"


async def test_without_a_listener_nobody_misses_them(start_pool: StartPool) -> None:
    pool = await start_pool("odd_engines:Forgetful")
    assert (await pool.speak("forgetful", Piece(f"{TODAY} from tomorrow on", "heart", 1.0, 1), 60)).seconds > 1


async def test_what_cannot_be_judged_passes(start_pool: StartPool) -> None:
    pool = await start_pool("espeak", "tone", "odd_engines:Forgetful", listening=LISTENING)
    assert (await pool.speak("espeak", Piece("Xin chào các bạn thân mến ở nhà", "vi", 1.0, 1), 60)).seconds > 1
    assert (await pool.speak("tone", Piece(TODAY, "sine", 1.0, 1), 60)).seconds > 1
    assert (await pool.speak("forgetful", Piece("so tomorrow then", "heart", 1.0, 1), 60)).seconds > 0.1


@pytest.mark.parametrize("spec", ["", "sphinx", "pocketsphinx:en", "whisper", "whisper:"])
def test_what_is_no_recogniser_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="expected pocketsphinx, or whisper:CHECKPOINT"):
        refuse_unknown(spec)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jiwer", None)
    with pytest.raises(UnknownModel, match=r"needs the package jiwer \(install loa-tts\[recogniser\]\)"):
        load_recogniser("pocketsphinx")


def test_words_are_compared_as_they_are_spoken() -> None:
    assert words("[S1] Don’t pay $25, Anna!", "en") == words("don't pay twenty-five dollars anna", "en")
    assert words("Giá 25.000đ", "vi") == words("giá hai mươi lăm nghìn đồng", "vi")
