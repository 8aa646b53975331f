"""`loa schema`, as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TTS_TOPIC_PREFIX", raising=False)
    runner = CliRunner(env={"COLUMNS": "500"})

    def run(*words: str):
        return runner.invoke(app, ["schema", *words])

    return run


@pytest.mark.parametrize("words", [(), ("asyncapi",)])
def test_the_topics_as_asyncapi(typed, words) -> None:
    assert typed(*words).stdout == (DOCS / "asyncapi.json").read_text()


def test_the_calls_as_openapi(typed) -> None:
    assert typed("openapi").stdout == (DOCS / "openapi.json").read_text()


@pytest.mark.parametrize("name", ["tts.completed", "SynthesisCompleted"])
def test_one_event(typed, name) -> None:
    schema = json.loads(typed("event", name).stdout)
    assert schema["title"] == "SynthesisCompleted"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "sha256" in schema["required"]


def test_the_topics_are_those_of_the_settings(typed, monkeypatch) -> None:
    monkeypatch.setenv("TTS_TOPIC_PREFIX", "speech")
    assert json.loads(typed().stdout)["channels"]["completed"]["address"] == "speech.completed"
    assert typed("event", "speech.completed").exit_code == 0
    assert typed("event", "tts.completed").exit_code == 2


def test_it_can_be_a_file(typed, tmp_path: Path) -> None:
    done = typed("event", "tts.deleted", "-o", str(tmp_path / "deleted.json"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert json.loads((tmp_path / "deleted.json").read_text())["title"] == "AudioDeleted"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("event", "tts.nothing"), "'tts.nothing'; there are tts.requests, SynthesisRequested, tts.requests.bulk"),
        (("event",), "which event? There are tts.requests"),
        (("event", "tts.requests.dlq"), "there is no event 'tts.requests.dlq'"),
        (("openapi", "tts.failed"), "only `event` takes a name"),
        (("grpc",), "'asyncapi', 'openapi', 'event'"),
        (("-o", "/no/such/folder/file"), "/no/such/folder/file cannot be written: No such file or directory"),
    ],
)
def test_what_there_is_not_is_refused(typed, words, said) -> None:
    done = typed(*words)
    assert done.exit_code == 2
    assert said in done.stderr
