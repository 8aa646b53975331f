"""Letters that a voice has not, and what is read for them."""

import pytest

from models.alphabet import stand_in

LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZß")


@pytest.mark.parametrize(
    ("letter", "read"),
    [
        ("ẵ", "a"),
        ("Ệ", "E"),
        ("đ", "d"),
        ("Ƚ", "L"),
        ("ȡ", "d"),
        ("𝔥", "h"),
        ("ɜ", "e"),
        ("ɪ", "i"),
        ("ʔ", None),
        ("ﬀ", "ff"),
        ("ẞ", "ß"),
        ("ĸ", None),
        ("я", None),
        ("中", None),
        ("한", None),
        ("א", None),
    ],
)
def test_what_is_read_for_a_letter(letter: str, read: str | None) -> None:
    assert stand_in(letter, LATIN) == read


def test_what_stands_in_is_known_itself() -> None:
    assert stand_in("ẵ", frozenset("bc")) is None
