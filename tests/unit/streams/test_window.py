"""The window: only a finished prefix is committed, and skipped records are never committed past."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import beyond
from streams.window import HoleError, Partition, Progress, Window, is_ahead

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
    assert window.to_commit() == {P: Progress(0, "finished 1+2")}, "what lies behind it is noted"
    window.done(entries[0])
    assert window.to_commit() == {P: Progress(3)}


def test_partitions_do_not_wait_for_each_other():
    window = begun(P, Q)
    window.track(P, 0, 0)
    window.done(window.track(Q, 0, 0))
    assert window.to_commit() == {Q: Progress(1)}


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
    assert window.to_commit() == {P: Progress(1)}


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
def test_any_order_of_ends_commits_exactly_what_is_finished(order):
    window = begun()
    entries = [window.track(P, offset, 0) for offset in range(12)]
    done: set[int] = set()
    for offset in order:
        window.done(entries[offset])
        done.add(offset)
        progress = window.to_commit()[P]
        assert progress.offset == next(end for end in range(13) if end not in done)
        assert set(range(progress.offset)) | offsets_of(progress) == done


def offsets_of(progress: Progress) -> set[int]:
    return {offset for found in beyond.read(*progress) for offset in found}


@given(st.permutations(range(12)), st.lists(st.integers(0, 12), max_size=4))
def test_whoever_comes_after_a_crash_gets_what_is_not_finished_and_nothing_else(order, lives):
    """Each life takes up some records, finishes some more, commits, and dies."""
    progress, done = Progress(0), set()
    for life, taken in enumerate([*lives, 12]):
        window = Window()
        window.start(P, progress.offset, progress.offset, 0)
        window.resume(P, progress)
        entries = {offset: window.track(P, offset, 0) for offset in range(progress.offset, max(taken, progress.offset))}
        assert {offset for offset in entries if entries[offset] is None} == done & set(entries)
        for offset in order[life :: len(lives) + 1]:
            if entries.get(offset):
                window.done(entries[offset])
                done.add(offset)
        progress = window.to_commit().get(P, progress)
        assert set(range(progress.offset)) | offsets_of(progress) == done


def test_what_was_finished_before_and_is_not_read_yet_stays_noted():
    window = Window()
    window.start(P, 5, 5, 0)
    window.resume(P, Progress(5, "finished 2+3 1+4"))
    first, second = window.track(P, 5, 0), window.track(P, 6, 0)
    assert window.to_commit() == {}, "nothing is news"
    window.done(second)
    assert window.to_commit() == {P: Progress(5, "finished 1+4 1+4")}
    window.done(first)
    assert window.to_commit() == {P: Progress(7, "finished 0+3 1+4")}
    assert window.track(P, 7, 0) is None
    assert window.to_commit() == {P: Progress(8, "finished 0+2 1+4")}
    assert len(window) == 0


def test_what_was_noted_of_an_older_epoch_is_forgotten():
    window = Window()
    window.start(P, 0, 0, 0)
    window.resume(P, Progress(0, "finished 0+1"))
    window.reset()
    window.start(P, 0, 0, 0)
    assert window.track(P, 0, 1) is not None
