"""Where a text changes its language: a table of texts with their spans, and what holds for any text."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.language import LanguageDetector
from models.mixed import spans

DETECTOR = LanguageDetector()
TABLE = [
    line.split("\t")
    for line in (Path(__file__).parent / "mixed_spans.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def shown(text: str, surrounding: str) -> str:
    return "¦".join(f"[{span.language}]{span.text}" for span in spans(text, surrounding, DETECTOR))


@pytest.mark.parametrize(("surrounding", "expected"), TABLE)
def test_each_span_is_in_its_language(surrounding: str, expected: str) -> None:
    expected = expected.replace("\\n", "\n")
    text = re.sub(r"¦?\[\w\w(?:-\w\w)?\]", "", expected)
    assert shown(text, surrounding) == expected


WORDS = st.sampled_from(
    [
        "xin",
        "chào",
        "machine",
        "learning",
        "the",
        "to.",
        "phở!",
        "5",
        "“ok”",
        "Hà",
        "Nội,",
        "東京",
        "(và)",
        "\n\n",
        "\n",
        "—",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), st.sampled_from(["vi", "en"]))
def test_nothing_is_lost_and_neighbours_differ(text: str, surrounding: str) -> None:
    found = spans(text, surrounding, DETECTOR)
    assert "".join(span.text for span in found) == text
    assert len(found) == 1 or all(span.text.strip() for span in found)
    assert all(one.language != other.language for one, other in pairwise(found))


def test_a_long_sentence_has_all_its_spans() -> None:
    text = "phở bò and machine learning let it be " * 2_500
    found = spans(text, "vi", DETECTOR)
    assert len(found) == 5_000
    assert "".join(span.text for span in found) == text
