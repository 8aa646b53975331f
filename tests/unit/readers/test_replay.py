from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.records import file_id
from streams.headers import again, attempt, origin
from streams.readers.identity import ask_of, died_at, file_of, headers_of
from streams.readers.lines import line
from streams.readers.replay import moment
from streams.readers.trace import named
from streams.settings import load
from tests.unit.readers.log_fakes import about, record

NOW = datetime(2025, 1, 3, 10, tzinfo=UTC)
SETTINGS = load({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("1.5d", NOW - timedelta(hours=36)),
        ("2025-01-03T10:00:00Z", NOW),
        ("2025-01-03T12:00:00+02:00", NOW.astimezone(timezone(timedelta(hours=2)))),
        ("2025-01-03T10:00", NOW),
        ("2025-01-03", NOW.replace(hour=0)),
    ],
)
def test_times(text, expected):
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2", "h", "-2h", "2025-13-01", "9" * 20 + "d"])
def test_what_is_no_time_is_refused_by_its_value(text):
    with pytest.raises(ValueError, match="is no time; give"):
        moment(text, NOW)


def test_a_request_is_named_by_its_id_then_its_source_then_its_place():
    own = ask_of(record("tts.requests", {"text": "x", "request_id": "own", "tenant": "acme"}, 7), SETTINGS)
    assert (own.request_id, own.file_id, own.source) == ("own", file_id("acme", "own"), "tts.requests-0-7")
    copy = ask_of(record("tts.requests.retry", {"text": "x"}, 9, headers=again([], "tts.requests-3-5", 2)), SETTINGS)
    assert (copy.request_id, copy.source, copy.place) == (
        "tts.requests-3-5",
        "tts.requests-3-5",
        "tts.requests.retry-0-9",
    )
    assert copy.attempt == 2
    bare = ask_of(record("tts.requests", {"text": "x"}, 7), SETTINGS)
    assert bare.request_id == "tts.requests-0-7"
    assert bare.content == copy.content


def test_what_is_no_request_keeps_the_name_that_can_be_read():
    known = ask_of(record("tts.requests", {"request_id": "own", "tenant": "acme"}), SETTINGS)
    assert (known.request_id, known.tenant, known.content) == ("own", "acme", None)
    unknown = ask_of(record("tts.requests", b"\xff", 3), SETTINGS)
    assert (unknown.request_id, unknown.tenant) == ("tts.requests-0-3", "default")


@pytest.mark.parametrize("source", [b"", b"no place", b"\xff-1-1", b"a b-1-2", b"x" * 300 + b"-1-1"])
def test_a_source_that_is_no_place_names_nothing(source):
    assert origin({"loa-source": source}, "tts.requests-0-1") == "tts.requests-0-1"


def test_a_copy_has_the_next_attempt_and_no_old_error():
    headers = [
        ("traceparent", b"t"),
        ("loa-attempt", b"1"),
        ("__streams.errors.offset", b"3"),
        ("loa-not-before", b"n"),
    ]
    copy = again(headers, "tts.requests-0-1", 2)
    assert copy == [("traceparent", b"t"), ("loa-source", b"tts.requests-0-1"), ("loa-attempt", b"2")]
    assert attempt(dict(copy)) == 2


def test_lines_keep_what_is_no_text():
    told = line(record("tts.requests", b"\xff", 3, b"\xfe", [("ce_id", b"1"), ("secret", b"2"), ("loa-attempt", b"3")]))
    assert (told["value_base64"], told["key_base64"], told["headers"]) == (
        "/w==",
        "/g==",
        {"ce_id": "1", "loa-attempt": "3"},
    )
    empty = line(record("tts.requests", None, 3, b"key", seconds=0))
    assert (empty["key"], empty["value"], empty["time"]) == ("key", None, "2023-11-14T22:13:20Z")


def test_lines_tell_whose_copy_a_record_is():
    headers = again([], "tts.requests-3-5", 2, since=NOW, not_before=NOW, routed=True)
    told = line(record("tts.requests.retry", {"text": "x"}, headers=headers))
    assert told["headers"] == {name: text.decode() for name, text in headers}


def test_records_of_all_topics_are_found_by_file():
    wanted = file_id("default", "one")
    assert file_of(record("x", {"request_id": "one", "text": "x"}), "requests.bulk", SETTINGS)[0] == wanted
    assert file_of(record("x", about("one")), "completed", SETTINGS) == (wanted, "default")
    assert file_of(record("x", {"request_id": "one"}), "commands", SETTINGS)[0] == wanted
    assert file_of(record("x", {"file_id": wanted}), "cleanup", SETTINGS) == (wanted, None)
    assert file_of(record("x", {"cutoff": "…", "shard": "a"}), "cleanup", SETTINGS) == (None, None)
    errors = [
        (f"__streams.errors.{n}", v) for n, v in (("topic", b"tts.requests"), ("partition", b"2"), ("offset", b"9"))
    ]
    dead = record("tts.requests.dlq", b"{", 0, None, errors)
    assert died_at(headers_of(dead)) == "tts.requests-2-9"
    assert file_of(dead, "requests.dlq", SETTINGS)[0] == file_id("default", "tts.requests-2-9")


def test_a_word_may_be_a_request_or_a_file():
    assert named("greeting", "acme") == {file_id("acme", "greeting")}
    assert named("a" * 32, "default") == {"a" * 32, file_id("default", "a" * 32)}
