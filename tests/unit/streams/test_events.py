"""Events and topics: conventions that every one keeps."""

import re
from datetime import UTC, datetime

import pytest

from streams import settings
from streams.errors import REASONS, ErrorCode
from streams.events import EVENTS, CleanupRequested, SynthesisProgressed, headers
from streams.topics import RETENTION_DAYS, Topics

NOW = datetime(2025, 1, 3, 10, 3, 12, 345, UTC)


def test_every_event_has_a_topic():
    topics = Topics(settings.load({}))
    assert {topics[event.topic].name for event in EVENTS} <= {f"tts.{short}" for short in RETENTION_DAYS}


def test_every_code_says_what_it_means():
    assert set(REASONS) == set(ErrorCode)


def test_headers_are_cloudevents_in_binary_mode():
    event = SynthesisProgressed(
        request_id="r", file_id="a" * 32, tenant="t", state="chunk", chunk=2, chunks=3, worker="w"
    )
    passed_on = {"traceparent": b"00-a-b-01", "secret": b"x"}
    assert dict(headers(event, "tts.progress", NOW, passed_on)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"a" * 32 + b".chunk.2",
        "ce_source": b"/loa",
        "ce_type": b"loa.tts.progress",
        "ce_time": b"2025-01-03T10:03:12.000345Z",
        "content-type": b"application/json",
        "traceparent": b"00-a-b-01",
    }


def test_commands_of_two_timers_at_the_same_moment_are_one():
    one, other = (CleanupRequested(cutoff=NOW, shard="a") for _ in range(2))
    assert one.ce_id() == other.ce_id()
    assert one.ce_id() != CleanupRequested(cutoff=NOW, shard="b").ce_id()


@pytest.mark.parametrize("short", RETENTION_DAYS)
def test_no_topic_is_compacted_and_the_broker_stamps_the_time(short):
    config = Topics(settings.load({}))[short].config()
    assert (config["cleanup.policy"], config["message.timestamp.type"]) == ("delete", "LogAppendTime")


def test_retention_as_documented_and_as_set():
    topics = Topics(settings.load({"TTS_TOPIC_RETENTION_DAYS": "completed=60"}))
    days = {topic.short: topic.retention_days for topic in topics}
    assert (days["requests"], days["completed"], days["failed"], days["deleted"]) == (7, 60, 30, 30)


def test_topic_names_have_the_prefix():
    assert all(re.fullmatch(r"x\.[a-z.]+", topic.name) for topic in Topics(settings.load({"TTS_TOPIC_PREFIX": "x"})))
