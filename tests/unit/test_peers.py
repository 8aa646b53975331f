"""How what came of requests is counted, in `make bench-peers`."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

from benchmarks import peers_judged as judged


@dataclass
class Noted:
    at: float = 1.0
    failed: bool = False
    event: dict = field(default_factory=dict)


OUTCOMES = {
    "one": [Noted(at=3.0)],
    "two": [Noted(at=5.0), Noted(at=6.0)],
    "said-again": [Noted(event={"pcm_sha256": "a"}), Noted(event={"pcm_sha256": "a"})],
    "failed": [Noted(failed=True)],
    "turned-away": [Noted(failed=True, event={"refused": True})],
    "offset-7": [Noted(failed=True)],
}
ASKED = ("one", "two", "said-again", "failed", "turned-away", "never")


def test_every_request_is_answered_failed_or_lost():
    assert judged.answered(ASKED, OUTCOMES) == 3
    assert judged.lost(ASKED, OUTCOMES) == 1


def test_the_same_result_told_again_is_no_second_result():
    assert judged.doubled(ASKED, OUTCOMES) == 1
    assert judged.repeated(ASKED, OUTCOMES) == 2


def test_failures_of_good_requests_are_not_counted_as_told():
    assert judged.told(["one", "failed"], OUTCOMES) == 2


def test_only_what_may_come_again_was_turned_away():
    assert judged.refused(ASKED, OUTCOMES) == {"turned-away"}


def test_who_has_no_result_waits_until_the_end_at_least():
    due = {"one": 1.0, "two": 1.0, "failed": 4.0, "never": 4.0}
    assert judged.waits(due, OUTCOMES, until=10.0) == [2.0, 4.0, 6.0, 6.0]


def test_a_file_is_torn_when_it_is_cut_empty_or_no_audio(tmp_path):
    (tmp_path / "below").mkdir()
    whole = tmp_path / "below" / "whole.wav"
    soundfile.write(whole, np.zeros(100, np.float32), 24_000)
    assert judged.torn(tmp_path) == 0
    (tmp_path / "cut.wav").write_bytes(whole.read_bytes()[:-10])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_bytes(b"no audio")
    soundfile.write(tmp_path / "silent.wav", np.zeros(0, np.float32), 24_000)
    assert judged.torn(tmp_path) == 4


def test_ratios_are_taken_round_by_round():
    assert judged.ratios([2.0, 3.0, 1.0], [1.0, 6.0, 0.0]) == [2.0, 0.5]
    with pytest.raises(ValueError, match="longer"):
        judged.ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "shown"),
    [([], "–"), ([math.nan], "–"), ([12.0], "12"), ([1.234], "1.23"), ([3.0, 1.0, 2.5], "2.5 (1 – 3)")],
)
def test_a_median_is_shown_with_its_range(values, shown):
    assert judged.middle(values) == shown
