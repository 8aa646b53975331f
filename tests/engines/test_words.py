"""What is put into words is spoken, and is the same to the sample however its letters are composed."""

import hashlib
import unicodedata

import pytest

from models.registry import Registry
from models.speak import estimate_seconds, plan, speak_text
from streams.requests import SynthesisRequested
from tests.engines.conftest import StartPool


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(["hibari", "espeak"])


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("espeak", "Giá 25.000đ/kg ở TP. Huế, ngày 20/11."),
        ("espeak", "Ngõ nhỏ, phố nhỏ.\n\nNhà tôi ở đó từ thế kỷ XX."),
        ("hibari", "The café opened on 3/4/2024; a naïve guest paid $3.50."),
    ],
)
async def test_composed_and_decomposed_letters_sound_the_same(
    start_pool: StartPool, registry: Registry, model: str, text: str
) -> None:
    pool = await start_pool(model)
    plans, digests = [], []
    for form in ("NFC", "NFD"):
        request = SynthesisRequested(text=unicodedata.normalize(form, text), model=model)
        choice = registry.resolve(request.text, model)
        plans.append(plan(choice))
        digest = hashlib.sha256()
        async for spoken in speak_text(pool, choice, plans[-1], seed=request.seed_or_derived() % 2**32):
            digest.update(spoken.speech.samples.tobytes())
        digests.append(digest.hexdigest())
    assert unicodedata.normalize("NFC", text) != unicodedata.normalize("NFD", text)
    assert plans[0] == plans[1]
    assert digests[0] == digests[1]


def test_a_number_may_become_ten_times_as_long_and_still_fits(registry: Registry) -> None:
    for text in ("1.234.567.891 " * 80, "$1,234,567,891.56 " * 80):
        choice = registry.resolve(text, "espeak", language="vi" if text[1] == "." else "en")
        chunks = plan(choice)
        assert sum(len(chunk.text) for chunk in chunks) > 5 * len(text)
        assert all(len(chunk.text) <= choice.engine.max_characters for chunk in chunks)
        assert estimate_seconds(choice, chunks, 1.0) > 100


def test_the_words_belong_to_the_revision() -> None:
    on, off = Registry(["espeak", "tone"]), Registry(["espeak", "tone"], normalised=False)
    vi, de = on.resolve("Xin chào", language="vi"), on.resolve("Hallo", language="de")
    assert vi.revision.startswith(vi.engine.revision)
    assert "g2p-hamster" in vi.revision
    assert de.revision == de.engine.revision
    assert off.resolve("Có 5", language="vi").words == "Có 5"
    assert off.resolve("Có 5", language="vi").revision == de.engine.revision
    tone = on.resolve("I have 5", "tone")
    assert (tone.words, tone.revision) == ("I have 5", tone.engine.revision)
