from datetime import UTC, datetime

import pytest

from storage.links import Links

NAME, OTHER = "0123456789abcdef" * 2, "f" * 32
THEN = datetime(2025, 1, 3, 10, 3, 12, 999999, UTC)


def parts(query: str) -> tuple[str, str]:
    expires, signature = (pair.split("=")[1] for pair in query.split("&"))
    return expires, signature


def test_a_link_is_good_for_its_file_and_time_alone() -> None:
    links = Links(["a secret of some length"])
    expires, signature = parts(links.query(NAME, THEN))
    assert links.query(NAME, THEN) == links.query(NAME, THEN)
    assert links.good_until(NAME, expires, signature) == THEN.replace(microsecond=0)
    assert links.good_until(OTHER, expires, signature) is None
    assert links.good_until(NAME, str(int(expires) + 1), signature) is None
    assert links.good_until(NAME, f"0{expires}", signature) is None
    assert Links(["another secret of length"]).good_until(NAME, expires, signature) is None


@pytest.mark.parametrize("expires", ["", "-1", "1e9", " 1", "9" * 13, "١٢٣", "NaN"])
def test_what_is_no_time_is_no_link(expires: str) -> None:
    assert Links(["a secret of some length"]).good_until(NAME, expires, "0" * 64) is None


@pytest.mark.parametrize("signature", ["", "0" * 64, "é", "\udc80", "0" * 100_000])
def test_what_nobody_signed_is_no_link(signature: str) -> None:
    assert Links(["a secret of some length"]).good_until(NAME, "1735898592", signature) is None


def test_an_old_secret_is_good_until_it_is_taken_away() -> None:
    old, new = "the old secret of ours", "the new secret of ours"
    expires, signature = parts(Links([old]).query(NAME, THEN))
    assert Links([new, old]).good_until(NAME, expires, signature) is not None
    assert Links([new]).good_until(NAME, expires, signature) is None
    assert Links([new, old]).query(NAME, THEN) == Links([new]).query(NAME, THEN)


@pytest.mark.parametrize("secrets", [[], ["short"], ["long enough for anybody", ""]])
def test_a_secret_that_can_be_guessed_is_refused(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Links(secrets)
