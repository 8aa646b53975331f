import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.text import clean, has_speech, speaker_key, split, take_speaker_tag


def texts(text: str, limit: int = 40) -> list[str]:
    return [chunk.text for chunk in split(clean(text), limit)]


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("[05] Xin chào", ("05", "Xin chào")),
        ("  [5]Xin chào", ("5", "Xin chào")),
        ("[123]\nHello", ("123", "Hello")),
        ("[2024] was a year", (None, "[2024] was a year")),
        ("see [05]", (None, "see [05]")),
        ("[a] b", (None, "[a] b")),
        ("[٥] b", (None, "[٥] b")),
    ],
)
def test_speaker_tag(given_text: str, wanted: tuple[str | None, str]) -> None:
    assert take_speaker_tag(given_text) == wanted


def test_speaker_key_ignores_leading_zeros() -> None:
    assert speaker_key("05") == speaker_key("5") == speaker_key("005")
    assert speaker_key("0") == speaker_key("00") == "0"
    assert speaker_key("anna") == "anna"


def test_clean_is_nfc_and_drops_what_no_engine_should_see() -> None:
    assert clean(unicodedata.normalize("NFD", "Tiếng Việt")) == "Tiếng Việt"
    assert clean("a\x00b\x1b[0m\ud800c\ufeff\u00ad") == "ab[0mc"
    assert clean("a\r\nb\rc\u2029d\x85e\tf") == "a\nb\nc\nd\ne f"


@pytest.mark.parametrize("text", ["", "   ", "—", "...", "😀👨‍👩‍👧", "?!", "\u0301", "\n\n"])
def test_nothing_to_speak(text: str) -> None:
    assert not has_speech(text)


@pytest.mark.parametrize("text", ["a", "5", "你", "½", "Ⅷ", "— a —"])
def test_something_to_speak(text: str) -> None:
    assert has_speech(text)


def test_sentences_survive_abbreviations_numbers_initials_and_ellipses() -> None:
    assert texts('Dr. Smith paid $3.5 to J. K. Rowling. She said "Thanks." Then... she left.', 40) == [
        "Dr. Smith paid $3.5 to J. K. Rowling.",
        'She said "Thanks." Then... she left.',
    ]
    assert texts("Ở TP. HCM trời nóng. Ở Hà Nội trời mát.", 25) == ["Ở TP. HCM trời nóng.", "Ở Hà Nội trời mát."]


def test_ideographic_sentences_need_no_space() -> None:
    assert texts("你好。世界！再见", 4) == ["你好。", "世界！", "再见"]
    assert texts("你好。世界！", 40) == ["你好。世界！"]


def test_neighbours_are_grouped_within_a_paragraph_only() -> None:
    chunks = split("One. Two. Three.\n\nFour.", 40)
    assert [c.text for c in chunks] == ["One. Two. Three.", "Four."]
    assert chunks[0].pause_after_seconds > split("One. Two. Three.", 9)[0].pause_after_seconds > 0
    assert chunks[-1].pause_after_seconds == 0


def test_lines_without_a_full_stop_stand_alone_and_wrapped_lines_are_joined() -> None:
    assert texts("Shopping\nEggs\nMilk and\nbread.\nDone.", 40) == ["Shopping", "Eggs", "Milk and bread. Done."]


def test_long_sentences_are_cut_at_clauses_then_words_then_characters() -> None:
    assert texts("The quick brown fox, the lazy dog, and so on", 36) == [
        "The quick brown fox, the lazy dog,",
        "and so on",
    ]
    assert texts("one two three four", 9) == ["one two", "three", "four"]
    assert texts("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_characters_are_not_torn() -> None:
    family = "👨‍👩‍👧‍👦"
    for chunk in texts(family * 10, 16):
        assert not chunk.startswith("\u200d")
        assert not chunk.endswith("\u200d")


def test_an_unvoiced_chunk_is_marked() -> None:
    assert [(c.text, c.voiced) for c in split("Hello.\n\n***\n\nWorld.", 40)] == [
        ("Hello.", True),
        ("***", False),
        ("World.", True),
    ]


def test_max_characters_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_characters"):
        split("a", 0)


def spoken(text: str) -> str:
    return "".join(text.split())


PIECES = [*"aB1é.,;!?…—\"')。、，你あ \n\t\u0301\u200d", "Dr.", "3.5", "👩", "🇻🇳", "\n\n", " word "]
PROSE = st.lists(st.sampled_from(PIECES)).map("".join)


@given(st.one_of(PROSE, st.text()), st.integers(1, 60))
@example("a" * 100, 7)
@example("你好。" * 30, 1)
@example(". . . ", 1)
def test_no_character_is_lost_and_none_is_too_many(text: str, limit: int) -> None:
    text = clean(text)
    chunks = split(text, limit)
    assert spoken("".join(chunk.text for chunk in chunks)) == spoken(text)
    assert all(0 < len(chunk.text) <= limit for chunk in chunks)
    assert all(chunk.text.strip() == chunk.text for chunk in chunks)


@given(st.lists(st.sampled_from(["one", "two.", "three,", "four!", "Dr.", "\n", "\n\n"])), st.integers(6, 40))
def test_no_word_is_cut_that_fits(words: list[str], limit: int) -> None:
    text = clean(" ".join(words))
    assert [word for chunk in split(text, limit) for word in chunk.text.split()] == text.split()
