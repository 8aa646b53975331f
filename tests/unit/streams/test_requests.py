"""A record is a request or it is not: each wrong one has its code, and a sentence that helps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import settings
from streams.errors import ErrorCode, RequestError
from streams.requests import SynthesisRequested, parse

SETTINGS = settings.load({"TTS_MAX_TEXT_CHARACTERS": "50", "TTS_MAX_METADATA_BYTES": "40"})


def ask(**fields: object) -> SynthesisRequested:
    return parse(json.dumps({"text": "Hello"} | fields).encode(), SETTINGS)


def refusal(value: bytes | None) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(value, SETTINGS)
    return caught.value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"Hello", "not JSON"),
        (b'{"text": "caf\xe9"}', "not JSON in UTF-8"),
        (b'{"text": "half', "not JSON"),
        (b'{"text": "Hi", "speed": NaN}', "not JSON"),
        (b'["text"]', "a list"),
        (b'"text"', "a str"),
        (b"{}", "text: is missing"),
        (b'{"text": ""}', "text: "),
        (b'{"text": 7}', "text: .*got 7"),
        (b'{"text": "a\\u0000b"}', "NUL"),
        (b'{"text": "a", "speed": "1"}', "speed: .*got '1'"),
        (b'{"text": "a", "speed": 9}', "speed: .*less than or equal to 4; got 9"),
        (b'{"text": "a", "store": "yes"}', "store: "),
        (b'{"text": "a", "seed": -1}', "seed: "),
        (b'{"text": "a", "seed": 1.5}', "seed: "),
        (b'{"text": "a", "speaker_id": true}', "speaker_id: "),
        (b'{"text": "a", "expiry_hours": -1}', "expiry_hours: .*greater than 0; got -1"),
        (b'{"text": "a", "expiry_hours": 1e9}', "expiry_hours: .*limit of 87600"),
        (b'{"text": "a", "request_id": "../../etc/passwd"}', "request_id: "),
        (b'{"text": "a", "request_id": "a\\n"}', "request_id: "),
        (b'{"text": "a", "tenant": ""}', "tenant: "),
        (b'{"text": "a", "language": "english language"}', "language: "),
        (b'{"text": "a", "sample_rate": 96000}', "sample_rate: "),
        (b'{"text": "a", "deadline": "tomorrow"}', "deadline: "),
        (b'{"text": "a", "deadline": "2025-01-03T10:00:00"}', "deadline: .*time zone"),
        (b'{"text": "a", "callback_url": "ftp://x"}', "callback_url: "),
        (b'{"text": "a", "callback_url": "https://x/' + b"a" * 2083 + b'"}', "callback_url: .*more than 2083"),
        (b'{"text": "a", "metadata": [1]}', "metadata: "),
        (b'{"text": "a", "metadata": ' + b'{"a":' * 300 + b"1" + b"}" * 301, "metadata: is nested too deeply"),
        (b'{"metadata": ' + b'{"a":' * 300 + b"1" + b"}" * 301, "text: is missing"),
        (b'{"text": "a", "metadata": {"a": "012345678901234567890123456789012345"}}', "metadata: .*at most 40"),
    ],
)
def test_invalid_requests(value, words):
    error = refusal(value)
    assert error.code == ErrorCode.INVALID_REQUEST
    with pytest.raises(RequestError, match=words):
        raise error


def test_a_text_too_long_has_a_code_of_its_own():
    error = refusal(json.dumps({"text": "a" * 51}).encode())
    assert (error.code, error.message) == (ErrorCode.TEXT_TOO_LONG, "text: has 51 characters; at most 50 are allowed")


def test_an_unknown_format_has_a_code_of_its_own_and_names_the_known():
    error = refusal(b'{"text": "a", "format": "aiff"}')
    assert error.code == ErrorCode.UNSUPPORTED_FORMAT
    assert "'wav', 'flac', 'mp3', 'opus', 'ogg' or 'pcm'" in error.message


def test_what_can_be_read_of_a_bad_request_is_echoed():
    error = refusal(b'{"request_id": "r-1", "tenant": "t", "metadata": {"k": 1}, "speed": 9, "text": "a"}')
    assert error.echo == {"request_id": "r-1", "tenant": "t", "metadata": {"k": 1}}


def test_a_bad_id_is_not_echoed():
    assert refusal(b'{"request_id": "../x", "text": "a"}').echo == {}


def test_a_request_needs_nothing_but_its_text_and_ignores_what_it_does_not_know():
    request = ask(colour="blue")
    assert (request.text, request.format, request.tenant_id, request.store) == ("Hello", "wav", "default", True)


def test_a_speaker_may_be_a_number():
    assert ask(speaker_id=5).speaker_id == "5"


def test_numbers_are_whole_by_their_value():
    request = ask(seed=7.0, sample_rate=16000.0, speaker_id=5.0)
    assert (request.seed, request.sample_rate, request.speaker_id) == (7, 16000, "5")
    assert request.content_sha256() == ask(seed=7, sample_rate=16000, speaker_id=5).content_sha256()


@pytest.mark.parametrize("field", sorted(n for n, f in SynthesisRequested.model_fields.items() if f.default is None))
def test_null_is_as_good_as_nothing(field):
    assert ask(**{field: None}) == ask()


def test_a_deadline_with_a_zone():
    assert ask(deadline="2025-01-03T10:00:00Z").deadline.isoformat() == "2025-01-03T10:00:00+00:00"


def test_speakers_05_and_5_are_the_same_content():
    assert ask(speaker_id="05").content_sha256() == ask(speaker_id=5).content_sha256()


@pytest.mark.parametrize("fields", [{"tenant": "t"}, {"metadata": {"a": 1}}, {"expiry_hours": 2}, {"priority": "bulk"}])
def test_what_does_not_decide_the_audio_is_no_other_content(fields):
    assert ask(**fields).content_sha256() == ask().content_sha256()


@pytest.mark.parametrize(
    "fields", [{"text": "Hullo"}, {"speed": 2}, {"format": "flac"}, {"voice": "v"}, {"seed": 1}, {"sample_rate": 8000}]
)
def test_what_decides_the_audio_is_other_content(fields):
    assert ask(**fields).content_sha256() != ask().content_sha256()


def test_the_seed_is_made_from_the_content_unless_given():
    assert ask().seed_or_derived() == ask().seed_or_derived() != ask(text="Hullo").seed_or_derived()
    assert ask(seed=7).seed_or_derived() == 7


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_request_error(value):
    try:
        parse(value, SETTINGS)
    except RequestError as error:
        assert error.code in ErrorCode


@given(
    st.dictionaries(
        st.sampled_from([*SynthesisRequested.model_fields, "other"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers()),
    )
)
def test_any_object_is_a_request_or_a_request_error(fields):
    try:
        parse(json.dumps(fields).encode(), SETTINGS)
    except RequestError as error:
        assert error.message
