"""`loa text`: what would be spoken, told without a broker."""

from collections.abc import Callable

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `loa text` with these arguments and settings; `typed` is its standard input."""

    def once(*arguments: str, typed: str | None = None, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["text", *arguments], input=typed)

    return once


def told(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def test_everything_is_told(run: Run) -> None:
    answer = told(run("Dr. Smith paid $3.50 on 3/4/2024.", "--json"))
    assert list(answer) == ["language", "normalised", "chunks", "voice", "model", "speaker_id", "estimate_seconds"]
    words = "Doctor Smith paid three dollars and fifty cents on March fourth, twenty twenty-four."
    assert answer["normalised"] == words
    assert answer["chunks"] == [{"text": words, "pause_after_seconds": 0.0}]
    assert (answer["language"], answer["model"], answer["voice"]) == ("en", "hibari", "heart")
    assert 2 < answer["estimate_seconds"] < 10


def test_standard_input_and_pauses(run: Run) -> None:
    typed = "Xin chào.\n\nHôm nay là ngày 20/11."
    answer = told(run("-", "--json", typed=typed))
    assert (answer["language"], answer["model"]) == ("vi", "espeak")
    assert [c["text"] for c in answer["chunks"]] == ["Xin chào.", "Hôm nay là ngày hai mươi tháng mười một."]
    assert [c["pause_after_seconds"] for c in answer["chunks"]] == [0.6, 0.0]
    slow = told(run("-", "--json", "--speed", "0.5", typed=typed))
    assert slow["chunks"][0]["pause_after_seconds"] == 1.2
    assert slow["estimate_seconds"] == pytest.approx(2 * answer["estimate_seconds"], abs=0.01)


def test_what_was_asked_for_is_chosen(run: Run) -> None:
    by_tag = told(run("[05] Chào 2 bạn", "--json"))
    assert (by_tag["speaker_id"], by_tag["voice"], by_tag["normalised"]) == ("05", "vi", "Chào hai bạn")
    assert told(run("Chào", "--speaker", "7", "--json"))["voice"] == "vi-vn-x-south"
    british = told(run("3/4/2024", "--model", "espeak", "--language", "en-GB", "--json"))
    assert (british["voice"], british["normalised"]) == ("en-gb", "April third, twenty twenty-four")
    assert told(run("5", "--voice", "espeak/en-us", "--json"))["model"] == "espeak"


def test_it_is_told_to_people_too(run: Run) -> None:
    result = run("I have 3.\n\n[b]Bye[/b]")
    assert result.exit_code == 0
    assert "en, hibari/heart" in result.stdout
    assert "1  I have three.  (0.6 s)" in result.stdout
    assert "2  [b]Bye[/b]" in result.stdout


def test_nothing_is_put_into_words_where_that_is_off(run: Run) -> None:
    assert told(run("I have 3.", "--json", TTS_NORMALISE="off"))["normalised"] == "I have 3."


def test_an_engine_that_reads_nothing_gets_the_text_as_it_is(run: Run) -> None:
    answer = told(run("I have 3.", "--model", "tone", "--json", TTS_MODELS="hibari,tone"))
    assert answer["normalised"] == "I have 3."


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["Hello", "--voice", "nobody"], "unknown_voice: voice 'nobody' is unknown; allowed: hibari/heart"),
        (["Hello", "--model", "nix"], "unknown_model: model 'nix' is not served here; allowed: auto, hibari"),
        (["Hello", "--speaker", "99"], "unknown_voice: speaker_id '99' is unknown; allowed: 01 (hibari/heart)"),
        (["Hello", "--language", "xx"], "unsupported_language: language 'xx' (given) is not spoken"),
        (["Hello", "--language", "English!"], "invalid_request: language:"),
        (["Hello", "--speed", "9"], "invalid_request: speed:"),
        ([""], "invalid_request: text:"),
        (["— …"], "invalid_request: text: there is no letter or number to speak in it"),
    ],
)
def test_what_a_request_is_refused_for_is_refused(run: Run, arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert complaint in result.stderr


def test_a_wrong_setting_is_refused_by_name(run: Run) -> None:
    result = run("Hello", TTS_NORMALISE="maybe")
    assert "TTS_NORMALISE='maybe'" in str(result.exception)


def test_who_speaks_each_span_is_told(run: Run) -> None:
    text = "Xin chào các bạn. Welcome to the 2nd part of this lesson."
    answer = told(run(text, "--mixed", "--json"))
    assert [(chunk["language"], chunk["model"], chunk["voice"]) for chunk in answer["chunks"]] == [
        ("vi", "espeak", "vi"),
        ("en", "hibari", "heart"),
    ]
    assert answer["normalised"] == "Xin chào các bạn. Welcome to the second part of this lesson."
    assert (answer["language"], answer["model"], answer["voice"]) == ("en", "hibari", "heart")
    assert "1  vi, espeak/vi: Xin chào các bạn." in run(text, "--mixed").stdout
    assert "voice" not in told(run(text, "--json"))["chunks"][0]
    refused = run(text, "--mixed", "--model", "hibari", "--language", "en")
    assert refused.exit_code == 1
    assert "unsupported_language: mixed: nobody is there to speak 'Xin chào các bạn.'" in refused.stderr
