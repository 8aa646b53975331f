"""Who speaks in a dialogue that is cut into pieces."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.choice import Choice
from models.dia import Dia
from models.speak import plan
from models.text import clean, split
from models.turns import split_turns

TAGS = Dia.speaker_tags
TAG = re.compile(r"\[S[12]\]")


def turns(text: str, limit: int = 40) -> list[str]:
    return [chunk.text for chunk in split_turns(text, limit, TAGS)]


def said(texts: list[str]) -> list[tuple[str, str]]:
    """Who says which word; the first speaker says what has no tag before it."""
    spoken = []
    for text in texts:
        speaker = "[S1]"
        for word in re.sub(r"(\[S[12]\])", r" \1 ", text).split():
            if TAG.fullmatch(word):
                speaker = word
            else:
                spoken.append((speaker, word))
    return spoken


def test_a_turn_goes_on_in_the_next_piece() -> None:
    text = "[S1] Is the train late? [S2] It is never late on a Monday. It left. [S1] Oh."
    assert turns(text) == [
        "[S1] Is the train late?",
        "[S2] It is never late on a Monday.",
        "[S2] It left. [S1] Oh.",
    ]


def test_what_stands_before_the_first_tag_gets_none() -> None:
    assert turns("One sentence goes first. Then another one. [S2] And I.", 36) == [
        "One sentence goes first.",
        "Then another one. [S2] And I.",
    ]


def test_a_turn_is_not_announced_at_the_end_of_a_piece() -> None:
    assert turns("[S1] Word after word it goes on [S2] yes it really does", 40) == [
        "[S1] Word after word it goes on",
        "[S2] yes it really does",
    ]


def test_a_tag_alone_is_not_spoken() -> None:
    chunks = split_turns("[S2]\n\nHello there.", 40, TAGS)
    assert [(chunk.text, chunk.voiced) for chunk in chunks] == [("[S2]", False), ("[S2] Hello there.", True)]
    assert not any(chunk.voiced for chunk in split_turns("[S1] [S2]", 40, TAGS))


@pytest.mark.parametrize("text", ["x" * 37 + "[S2]" + "y" * 50, "[S1]" + "x" * 90 + "[S2]" + "y" * 50])
def test_a_tag_is_never_torn(text: str) -> None:
    for limit in range(12, 60):
        joined = turns(text, limit)
        assert all(TAG.sub("", piece).isascii() and "[" not in TAG.sub("", piece) for piece in joined)
        assert sum(piece.count("y") for piece in joined) == 50


@pytest.mark.parametrize("tags", [(), TAGS])
def test_a_text_without_tags_is_split_as_ever(tags: tuple[str, ...]) -> None:
    text = "Twenty characters ... and some more. " * 9
    assert split_turns(text, 40, tags) == split(text, 40)


def test_no_room_for_a_tag() -> None:
    assert turns("[S2] abc def", 5) == [chunk.text for chunk in split("[S2] abc def", 5)]


@given(
    st.lists(st.sampled_from(["[S1]", "[S2]", "yes", "no,", "Indeed.", "Really?", "\n\n", "w" * 30]), max_size=60),
    st.integers(min_value=10, max_value=80),
)
def test_every_word_is_said_by_who_says_it_in_the_whole(words: list[str], limit: int) -> None:
    text = clean(" ".join(words))
    pieces = turns(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    letters = [(who, letter) for who, word in said(pieces) for letter in word]
    assert letters == [(who, letter) for who, word in said([text]) for letter in word]


def test_the_plan_of_a_dialogue_has_them() -> None:
    text = "[S1] Hello. [S2] " + "It is a long way from here to there, and back again. " * 12
    chunks = plan(Choice(Dia(), "default", "en", None, clean(text)))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("[S2]") for chunk in chunks[1:])
    assert all(len(chunk.text) <= Dia().max_characters for chunk in chunks)
