"""Ids of streams say where all topics stand; a feed loses nothing and holds nobody up."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.errors import ApiError
from streams.gateway.event_ids import TOPICS, read, written
from streams.gateway.feed import MOST_WAITING, Feed, Listener

PAIRS = [(topic, partition) for topic in TOPICS for partition in range(3)]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=len(PAIRS), max_size=len(PAIRS)))
def test_an_id_is_read_as_it_was_written(offsets):
    places = dict(zip(PAIRS, offsets, strict=True))
    assert read(written(places)) == places


@given(st.text() | st.binary().map(lambda data: data.hex()))
def test_what_no_gateway_wrote_is_refused(text):
    with pytest.raises(ApiError, match="Last-Event-ID"):
        read(text + "!")
    if text != written(dict.fromkeys(PAIRS, 0)):
        with pytest.raises(ApiError):
            read(text[:20])


def test_an_id_from_before_partitions_were_added_is_read():
    before = {pair: 5 for pair in PAIRS if pair[1] < 2}
    assert read(written(before)) == before


def test_an_id_that_is_no_multiple_of_the_topics_is_refused():
    one_less = bytes([1, *[5] * (len(PAIRS) - 1)])
    with pytest.raises(ApiError):
        read(base64.urlsafe_b64encode(one_less).decode().rstrip("="))


def told(feed: Feed, *offsets: int) -> None:
    for offset in offsets:
        feed.passed("completed", 0, offset)
        feed.tell("completed", 0, offset, {"request_id": f"r{offset}"})


async def taken(listener: Listener) -> list[int | None]:
    found: list[int | None] = []
    while not listener.idle:
        news = await listener.next()
        found.append(news.offset if news else None)
    return found


async def test_each_listener_hears_what_it_wants_and_ids_go_with_it():
    feed = Feed()
    feed.begin(dict.fromkeys(PAIRS, 0))
    told(feed, 0)
    with (
        feed.listening(lambda *_: True) as every,
        feed.listening(lambda _, event: event["request_id"] == "r2") as one,
    ):
        told(feed, 1, 2)
        assert every.begun["completed", 0] == 1
        news = await one.next()
        assert news and read(news.id)["completed", 0] == 3
        assert await taken(every) == [1, 2]
        assert one.idle
    assert len(feed) == 0
    told(feed, 3)
    assert every.idle, "who has left is told nothing"


async def test_who_is_too_slow_is_ended_and_others_are_not():
    feed = Feed()
    feed.begin(dict.fromkeys(PAIRS, 0))
    with feed.listening(lambda *_: True) as slow, feed.listening(lambda *_: True) as quick:
        for offset in range(MOST_WAITING + 5):
            told(feed, offset)
            assert await taken(quick) == [offset]
        assert await taken(slow) == list(range(MOST_WAITING))
        assert await slow.next() is None, "what it lacks it can read with the last id"


@pytest.mark.parametrize("end", [lambda feed: feed.close(), lambda feed: feed.begin({})])
async def test_what_may_have_missed_something_begins_anew(end):
    feed = Feed()
    feed.begin(dict.fromkeys(PAIRS, 0))
    with feed.listening(lambda *_: True) as listener:
        told(feed, 0)
        end(feed)
        told(feed, 1)
        assert await taken(listener) == [0]
        assert await listener.next() is None


async def test_who_comes_after_the_end_is_ended_at_once():
    feed = Feed()
    feed.close()
    with feed.listening(lambda *_: True) as listener:
        assert await listener.next() is None
