"""What is finished beyond a committed offset: written and read again, short enough for a broker, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import beyond


@given(st.integers(0, 2**40), st.sets(st.integers(0, 300)))
def test_it_is_read_as_it_was_written(start: int, offsets: set[int]):
    text = beyond.written(start, (range(start + offset, start + offset + 1) for offset in sorted(offsets)))
    assert [offset - start for found in beyond.read(start, text) for offset in found] == sorted(offsets)


def test_neighbours_are_one_run():
    assert beyond.written(10, [range(13, 20), range(20, 213), range(215, 216)]) == "finished 3+200 2+1"
    assert beyond.read(10, "finished 3+200 2+1") == [range(13, 213), range(215, 216)]


def test_nothing_is_an_empty_text():
    assert beyond.written(10, []) == ""
    assert beyond.read(10, "") == []


def test_what_does_not_fit_is_left_out_at_the_far_end():
    text = beyond.written(0, (range(2 * number + 1, 2 * number + 2) for number in range(5000)))
    assert len(text) <= beyond.MOST_CHARACTERS
    assert beyond.read(0, text) == [range(2 * number + 1, 2 * number + 2) for number in range(len(text.split()) - 1)]


@pytest.mark.parametrize(
    "text",
    ["3", "3+", "+3", "3+200  2+1", "3+200 2+1 ", "-3+2", "٣+٢", "0+" + "9" * 19, " ".join(["1+1"] * 999)],
)
def test_what_another_wrote_says_nothing(text: str):
    assert beyond.read(10, "finished " + text) == []


def test_somebody_else_s_note_says_nothing():
    assert beyond.read(10, "3+200") == []
