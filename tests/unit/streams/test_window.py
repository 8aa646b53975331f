"""The window: only a finished prefix is committed, and skipped records are never committed past."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.window import HoleError, Partition, Window, is_ahead

P = Partition("requests", 0)
Q = Partition("requests", 1)


def begun(*partitions: Partition) -> Window:
    window = Window()
    for partition in partitions or (P,):
        window.start(partition, 0, None, 0)
    return window


def test_nothing_is_committed_before_the_oldest_is_done():
    window = begun()
    entries = [window.track(P, offset, 0) for offset in range(3)]
    window.done(entries[2])
    window.done(entries[1])
    assert window.to_commit() == {}
    window.done(entries[0])
    assert window.to_commit() == {P: 3}


def test_partitions_do_not_wait_for_each_other():
    window = begun(P, Q)
    window.track(P, 0, 0)
    window.done(window.track(Q, 0, 0))
    assert window.to_commit() == {Q: 1}


def test_what_was_committed_is_not_committed_again():
    window = begun()
    window.done(window.track(P, 0, 0))
    window.committed(window.to_commit(), window.epoch)
    assert window.to_commit() == {}


def test_a_commit_asked_for_in_an_older_epoch_is_not_noted():
    window = begun()
    window.done(window.track(P, 0, 0))
    offsets, epoch = window.to_commit(), window.epoch
    window.reset()
    window.start(P, 0, None, 0)
    window.done(window.track(P, 0, 1))
    window.committed(offsets, epoch)
    assert window.to_commit() == {P: 1}


def test_work_of_an_older_epoch_is_never_committed():
    window = begun()
    old = window.track(P, 0, 0)
    window.reset()
    window.start(P, 0, 0, 0)
    window.done(old)
    assert window.to_commit() == {}
    assert window.track(P, 0, 0) is None, "a record read in the older epoch is stale"
    assert window.track(P, 0, 1) is not None


def test_a_record_seen_again_in_the_same_epoch_is_ignored():
    window = begun()
    window.track(P, 0, 0)
    window.track(P, 1, 0)
    assert window.track(P, 0, 0) is None
    assert len(window) == 2


def test_a_jump_upwards_is_refused():
    window = begun()
    window.track(P, 0, 0)
    with pytest.raises(HoleError, match="expected 1, got 2"):
        window.track(P, 2, 0)


@pytest.mark.parametrize(
    ("offset", "committed", "log_start", "removed"),
    [
        (0, None, 0, 0),  # a new group
        (5, 5, 0, 0),  # where it was left
        (3, 5, 0, 0),  # a commit landed after the position was taken: it comes again
        (7, None, 7, 0),  # a new group on an old log
        (7, 5, 7, 2),  # retention removed two unread
        (7, -1, 7, 0),  # the broker's way to say none
    ],
)
def test_first_record_that_skips_nothing(offset, committed, log_start, removed):
    window = Window()
    assert window.start(P, offset, committed, log_start) == removed
    assert window.track(P, offset, 0) is not None


@pytest.mark.parametrize(
    ("offset", "committed", "ahead"),
    [(0, None, False), (0, -1, False), (5, 5, False), (3, 5, False), (6, 5, True), (1, None, True)],
)
def test_only_a_first_record_that_is_ahead_needs_the_start_of_the_log(offset, committed, ahead):
    assert is_ahead(offset, committed) is ahead
    if not ahead:
        assert all(Window().start(P, offset, committed, start) == 0 for start in range(offset + 1))


@pytest.mark.parametrize(("offset", "committed", "log_start"), [(6, 5, 0), (1, None, 0), (8, 5, 7)])
def test_first_record_that_skips_some_is_refused(offset, committed, log_start):
    with pytest.raises(HoleError):
        Window().start(P, offset, committed, log_start)


def test_head_age_is_that_of_the_oldest_unfinished_record():
    now = 100.0
    window = Window(clock=lambda: now)
    window.start(P, 0, None, 0)
    first = window.track(P, 0, 0)
    now = 130.0
    window.track(P, 1, 0)
    now = 150.0
    assert window.head_age() == 50
    window.done(first)
    assert window.head_age() == 20


@given(st.permutations(range(12)))
def test_any_order_of_ends_commits_exactly_the_finished_prefix(order):
    window = begun()
    entries = [window.track(P, offset, 0) for offset in range(12)]
    done: set[int] = set()
    for offset in order:
        window.done(entries[offset])
        done.add(offset)
        prefix = next(end for end in range(13) if end not in done)
        assert window.to_commit() == ({P: prefix} if prefix else {})
