import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from models.engine import AudioRejected, EngineDied, Piece, Unreadable
from models.host import EnginePool
from models.registry import Registry
from models.speak import chunk_seed, plan, speak_text
from models.speech import Speech

StartPool = Callable[..., Awaitable[EnginePool]]


def digest(speech: Speech) -> str:
    return hashlib.sha256(speech.samples.tobytes()).hexdigest()


async def whole(pool: EnginePool, registry: Registry, text: str, **how: str) -> Speech:
    choice = registry.resolve(text, **how)
    parts = [spoken async for spoken in speak_text(pool, choice, plan(choice), seed=5)]
    assert [spoken.k for spoken in parts] == list(range(1, len(parts) + 1))
    assert {spoken.n for spoken in parts} == {len(parts)}
    return Speech(np.concatenate([spoken.speech.samples for spoken in parts]), parts[0].speech.rate)


@pytest.fixture
def registry() -> Registry:
    return Registry(["hibari", "espeak", "tone"])


@pytest.mark.parametrize(
    ("model", "voice", "text"),
    [
        ("hibari", "heart", "The birch canoe slid on the smooth planks, on the 3rd of May 2024."),
        ("espeak", "vi", "Xin chào các bạn, hôm nay trời đẹp quá."),
        ("espeak", "vi-vn-x-south", "Đơn hàng số 48213 sẽ được giao vào ngày mai."),
        ("tone", "sine", "Hello"),
    ],
)
async def test_same_seed_same_samples_in_whichever_process(
    start_pool: StartPool, model: str, voice: str, text: str
) -> None:
    pool = await start_pool(model, processes=2)
    for speed in (0.25, 1.0, 4.0):
        speeches = await asyncio.gather(*(pool.speak(model, Piece(text, voice, speed, 7), 60) for _ in range(6)))
        assert len(set(map(digest, speeches))) == 1
        estimate = Registry([model]).engines[model].estimate(text, speed)
        assert speeches[0].seconds == pytest.approx(estimate, rel=0.4)


async def test_another_seed_gives_other_samples(start_pool: StartPool) -> None:
    pool = await start_pool("hibari")
    one, two = [await pool.speak("hibari", Piece("Hello", "heart", 1.0, seed), 60) for seed in (1, 2)]
    assert digest(one) != digest(two)
    assert chunk_seed(5, 1) == 5
    assert len({chunk_seed(5, k) for k in range(1, 100)}) == 99


@pytest.mark.parametrize("model", ["hibari", "espeak"])
async def test_odd_texts_are_plain_text(start_pool: StartPool, registry: Registry, model: str) -> None:
    pool = await start_pool(model)
    voice = registry.engines[model].voices[0].name
    for text in ("[hello](/wˈɜːld/)", "[[h@loU]]", "<speak>a</speak> & b", "a\x00b\x015s", "7" * 200, "$" + "9" * 40):
        speech = await pool.speak(model, Piece(text, voice, 1.0, 0), 60)
        assert speech.seconds > 0.4
    marked, plain = [
        await pool.speak(model, Piece(t, voice, 1.0, 0), 60) for t in ("[a](/wˈɜːldwˈɜːldwˈɜːld/) b", "a b")
    ]
    assert marked.seconds > plain.seconds


async def test_letters_are_read_by_what_they_are_made_of_or_refused(start_pool: StartPool) -> None:
    pool = await start_pool("hibari")

    async def said(text: str) -> Speech:
        return await pool.speak("hibari", Piece(text, "heart", 1.0, 0), 60)

    for odd, plain in (("Ƚ", "L"), ("The Ƚ here.", "The L here."), ("Nẵng", "Nang"), ("٣ cats", "3 cats")):
        assert digest(await said(odd)) == digest(await said(plain)), odd
    for text, named in (("The kanji 漢字 here.", "漢 字"), ("مرحبا", "م ر ح ب ا"), ("ĸ", "ĸ")):
        with pytest.raises(Unreadable, match=f"cannot read {named} in"):
            await said(text)
    assert (await said("“Fine” — naïve café… 😀")).seconds > 0.5, "signs are no letters"


async def test_a_killed_process_is_replaced_within_a_text(start_pool: StartPool, registry: Registry) -> None:
    pool = await start_pool("espeak", processes=2)
    choice = registry.resolve("\n\n".join(f"Line number {n} of a text." for n in range(40)), "espeak")
    heard = 0
    async for _ in speak_text(pool, choice, plan(choice), tries=3):
        heard += 1
        if heard == 5:
            os.kill(pool.pids[0], signal.SIGKILL)
    assert heard == 40


async def test_a_dead_engine_is_told_without_further_tries(start_pool: StartPool, tmp_path: Path) -> None:
    pool = await start_pool("odd_engines:Odd")
    choice = Registry(["odd_engines:Odd"]).resolve(f"once {tmp_path / 'died'}")
    with pytest.raises(EngineDied):
        async for _ in speak_text(pool, choice, plan(choice)):
            pass
    (tmp_path / "died").unlink()
    assert [s.k async for s in speak_text(pool, choice, plan(choice), tries=2)] == [1]


async def test_unvoiced_chunks_are_pauses(start_pool: StartPool, registry: Registry) -> None:
    pool = await start_pool("espeak")
    with_stars = await whole(pool, registry, "Hello there.\n\n***\n\nGoodbye.", model="espeak")
    without = await whole(pool, registry, "Hello there.\n\nGoodbye.", model="espeak")
    assert with_stars.seconds == pytest.approx(without.seconds + 0.6, abs=0.01)
    with pytest.raises(AudioRejected, match="no letter or number"):
        await whole(pool, registry, "— 😀 —", model="espeak")


async def test_giving_up_early_leaves_the_pool_ready(start_pool: StartPool, registry: Registry) -> None:
    pool = await start_pool("tone", processes=2)
    choice = registry.resolve("\n\n".join(["A line."] * 100), "tone")
    spoken = speak_text(pool, choice, plan(choice))
    assert (await anext(spoken)).n == 100
    await spoken.aclose()
    assert (await whole(pool, registry, "Hello", model="tone")).seconds > 0
    assert psutil.pid_exists(pool.pids[0])


def test_describing_an_engine_imports_no_runtime() -> None:
    script = (
        "import sys; from models.registry import Registry; r = Registry(['hibari', 'espeak', 'tone'])\n"
        "for e in r.engines.values(): e.revision, e.voices, e.estimate('a', 1), e.cost('a', 1)\n"
        "heavy = ('hibari', 'onnxruntime', 'torch', 'scipy', 'g2p_hamster', 'num2words')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
