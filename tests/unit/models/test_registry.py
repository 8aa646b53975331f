import pytest

from models.engine import UnknownModel, UnknownVoice, UnsupportedLanguage
from models.registry import DEFAULT_SPEAKERS, Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(["hibari", "espeak", "tone"], "en", DEFAULT_SPEAKERS)


def chosen(registry: Registry, *args: object, **kwargs: object) -> tuple[str, str, str]:
    choice = registry.resolve(*args, **kwargs)  # type: ignore[arg-type]
    return choice.model, choice.voice, choice.language


def test_auto_chooses_by_language(registry: Registry) -> None:
    assert chosen(registry, "Hello there") == ("hibari", "heart", "en")
    assert chosen(registry, "Xin chào các bạn") == ("espeak", "vi", "vi")
    assert chosen(registry, "x", language="fr") == ("espeak", "fr-fr", "fr")
    assert chosen(registry, "x", language="pt-BR") == ("espeak", "pt-br", "pt-BR")
    assert chosen(registry, "x", language="zh-Hant-TW") == ("espeak", "cmn", "zh-Hant-TW")


def test_language_falls_back_to_its_shorter_form(registry: Registry) -> None:
    assert chosen(registry, "x", language="en-AU") == ("hibari", "heart", "en-AU")
    assert chosen(registry, "x", language="vi-VN") == ("espeak", "vi", "vi-VN")
    assert chosen(registry, "x", "espeak", language="vi-VN-x-south")[1] == "vi-vn-x-south"
    assert chosen(registry, "x", "espeak", language="EN-gb")[1] == "en-gb"


def test_auto_never_chooses_tone(registry: Registry) -> None:
    with pytest.raises(UnsupportedLanguage, match="'xx'"):
        registry.resolve("x", language="xx")
    assert chosen(registry, "Xin chào các bạn", "tone") == ("tone", "sine", "vi")
    with pytest.raises(UnsupportedLanguage):
        Registry(["tone"]).resolve("Hello")


def test_speaker_by_tag_and_by_field(registry: Registry) -> None:
    choice = registry.resolve("[05] Hello")
    assert (choice.model, choice.voice, choice.language) == ("espeak", "vi", "vi")
    assert (choice.speaker_id, choice.text) == ("05", "Hello")
    assert chosen(registry, "Hello", speaker_id="5") == ("espeak", "vi", "vi")
    assert chosen(registry, "[05] Hello", speaker_id="01") == ("hibari", "heart", "en-US")


def test_voice_wins_over_speaker(registry: Registry) -> None:
    assert chosen(registry, "[05] Hello", voice="espeak/en-gb") == ("espeak", "en-gb", "en-GB")
    assert chosen(registry, "Hello", voice="HEART") == ("hibari", "heart", "en-US")
    assert chosen(registry, "Hello", "espeak", voice="de") == ("espeak", "de", "de")
    assert chosen(registry, "Xin chào", voice="tone/sine") == ("tone", "sine", "vi")


def test_every_default_speaker_exists(registry: Registry) -> None:
    assert len(registry.speakers) == len(DEFAULT_SPEAKERS)
    assert set(Registry(["hibari"]).speakers) == {"1"}


def test_unknown_model_names_what_is_allowed(registry: Registry) -> None:
    with pytest.raises(UnknownModel, match=r"'dia'.*auto, hibari, espeak, tone"):
        registry.resolve("x", "dia")
    with pytest.raises(UnknownModel, match=r"'bark'.*installed.*espeak, hibari.*tone"):
        Registry(["bark"])
    with pytest.raises(UnknownModel, match="nowhere"):
        Registry(["nowhere:Engine"])


def test_unknown_voice_names_what_is_allowed(registry: Registry) -> None:
    with pytest.raises(UnknownVoice, match=r"'nix'.*hibari/heart, espeak/en-us.* and \d+ more"):
        registry.resolve("x", voice="nix")
    with pytest.raises(UnknownVoice, match=r"'vi'.*allowed: hibari/heart"):
        registry.resolve("x", "hibari", voice="vi")
    with pytest.raises(UnknownVoice, match="not of model 'hibari'"):
        registry.resolve("x", "hibari", voice="espeak/vi")
    with pytest.raises(UnknownVoice, match="'nix/vi'"):
        registry.resolve("x", voice="nix/vi")


def test_unknown_speaker_names_the_whole_table(registry: Registry) -> None:
    with pytest.raises(UnknownVoice, match=r"speaker_id '99'.*01 \(hibari/heart\).*07 \(espeak/vi-vn-x-south\)"):
        registry.resolve("[99] x")


def test_unsupported_language_names_what_is_allowed(registry: Registry) -> None:
    with pytest.raises(UnsupportedLanguage, match=r"'vi'.*detected.*'hibari'.*en, en-US"):
        registry.resolve("Xin chào các bạn", "hibari")
    with pytest.raises(UnsupportedLanguage, match=r"'de'.*speaks en-US, en"):
        registry.resolve("x", voice="heart", language="de")
    with pytest.raises(UnsupportedLanguage, match="no language tag"):
        registry.resolve("x", language="English, please")
