"""Who speaks which span of a text, and what the whole is then called."""

import pytest

from models.choice import Choice, MixedChoice
from models.engine import UnsupportedLanguage
from models.registry import Registry
from models.speak import estimate_seconds, plan

TEXT = "Xin chào 5 bạn, hôm nay trời đẹp. Welcome to part 2 of this lesson.\n\nChào tạm biệt."


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(["hibari", "espeak", "tone"])


def spoken(choice: Choice) -> list[tuple[str, str, str, float]]:
    return [
        (choice.of(chunk).full_voice, choice.of(chunk).language, chunk.text, chunk.pause_after_seconds)
        for chunk in plan(choice)
    ]


def test_each_span_has_a_voice_and_words_of_its_language(registry: Registry) -> None:
    choice = registry.resolve(TEXT, mixed=True)
    assert spoken(choice) == [
        ("espeak/vi", "vi", "Xin chào năm bạn, hôm nay trời đẹp.", 0.3),
        ("hibari/heart", "en", "Welcome to part two of this lesson.", 0.6),
        ("espeak/vi", "vi", "Chào tạm biệt.", 0.0),
    ]
    assert "".join(part.text for part, _ in choice.spans) == TEXT


def test_the_main_voice_is_the_one_that_speaks_most(registry: Registry) -> None:
    for text, voice, language in (
        (TEXT, "espeak/vi", "vi"),
        ("Chào bạn. " + "Welcome to part two of this lesson. " * 3, "hibari/heart", "en"),
    ):
        choice = registry.resolve(text, mixed=True)
        assert (choice.full_voice, choice.language, choice.rate) == (voice, language, 22_050)
        assert choice.voices == ["espeak/vi", "hibari/heart"]
        assert choice.models == {"espeak", "hibari"}


def test_the_revision_names_all_that_decides_the_samples(registry: Registry) -> None:
    choice = registry.resolve(TEXT, mixed=True)
    espeak, hibari = (part.revision for part, _ in choice.spans[:2])
    assert choice.revision.startswith(f"{espeak} + {hibari} + spans ")
    assert "py3langid" in choice.revision
    assert "soxr" in choice.revision
    alike = registry.resolve(TEXT, "espeak", mixed=True)
    assert "soxr" not in alike.revision.rpartition("spans")[2]
    assert alike.voices == ["espeak/vi", "espeak/en-us"]


def test_the_estimate_is_the_sum_of_those_of_the_engines(registry: Registry) -> None:
    choice = registry.resolve(TEXT, mixed=True)
    alone = [part.engine.estimate(part.words.strip(), 1.0) for part, _ in choice.spans]
    assert estimate_seconds(choice, plan(choice), 1.0) == pytest.approx(sum(alone) + 0.9)


def test_a_text_of_one_language_is_as_if_nothing_was_asked(registry: Registry) -> None:
    for text in ("Xin chào các bạn.", "Hello there, how are you?", "Tôi gửi email cho sếp."):
        assert registry.resolve(text, mixed=True) == registry.resolve(text)
    assert not isinstance(registry.resolve(TEXT), MixedChoice)
    assert not isinstance(registry.resolve("Good morning everyone.", language="vi", mixed=True), MixedChoice)


@pytest.mark.parametrize(
    ("asked", "voices"),
    [
        ({"voice": "espeak/vi-vn-x-south"}, ["espeak/vi-vn-x-south", "hibari/heart"]),
        ({"speaker_id": "06"}, ["espeak/vi-vn-x-central", "hibari/heart"]),
        ({"voice": "en-gb", "model": "espeak"}, ["espeak/vi", "espeak/en-gb"]),
        ({"model": "espeak"}, ["espeak/vi", "espeak/en-us"]),
        ({"model": "tone"}, ["tone/sine"]),
        ({"language": "vi-VN-x-south"}, ["espeak/vi-vn-x-south", "hibari/heart"]),
        ({"language": "en-GB", "model": "espeak"}, ["espeak/vi", "espeak/en-gb"]),
    ],
)
def test_a_voice_that_was_asked_for_speaks_its_own_language(
    registry: Registry, asked: dict[str, str], voices: list[str]
) -> None:
    assert registry.resolve(TEXT, **asked, mixed=True).voices == voices


def test_a_span_that_nobody_may_speak_is_refused_and_quoted(registry: Registry) -> None:
    with pytest.raises(UnsupportedLanguage, match=r"mixed: .*'Xin chào 5 bạn.*'vi' .*'hibari'; allowed: en"):
        registry.resolve(TEXT, "hibari", language="en", mixed=True)


def test_the_same_is_chosen_again_from_what_is_kept_of_it(registry: Registry) -> None:
    choice = registry.resolve(TEXT, mixed=True)
    assert isinstance(choice, MixedChoice)
    assert registry.resolve(TEXT, "auto", choice.around.full_voice, language="vi", mixed=True) == choice
