"""What the documents say is what the code does."""

import re
import runpy
from pathlib import Path

import orjson
import pytest

from streams import settings
from streams.requests import SynthesisRequested, parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def reference():
    """What `make docs` would write, by the names of docs/reference.py."""
    return runpy.run_path(str(ROOT / "docs/reference.py"))


def test_the_tables_of_the_documents_are_those_of_the_code(reference):
    for document, text in reference["pages"]().items():
        assert (ROOT / document).read_text() == text, f"{document}: run `make docs`"


@pytest.mark.parametrize(("file", "make"), [("openapi.json", "openapi"), ("asyncapi.json", "events")])
def test_the_documents_for_programs_are_those_of_the_code(reference, file, make):
    assert (ROOT / "docs" / file).read_bytes() == reference[make](), "run `make docs`"


def test_the_schemas_of_events_are_those_of_the_code(reference):
    committed = {path.name: path.read_bytes() for path in (ROOT / "docs/schemas").iterdir()}
    assert committed == reference["schemas"](), "run `make docs`"


def test_every_field_of_a_request_is_in_the_readme():
    described = re.search(r"### The request\n(.*?)### ", README, re.DOTALL)
    assert described
    assert [name for name in SynthesisRequested.model_fields if f"`{name}`" not in described[1]] == []


def test_links_of_the_documents_lead_somewhere():
    pages = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md"), ROOT / "examples/README.md")
    for document in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
            assert target.startswith("https://") or (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_examples_are_requests():
    lines = (ROOT / "examples/requests.jsonl").read_bytes().splitlines()
    requests = [parse(line, settings.load({})) for line in lines]
    assert len(requests) >= 8
    assert {"flac", "opus"} <= {request.format for request in requests}
    assert any(request.text.startswith("[05]") for request in requests)
    assert any(len(request.text.split()) >= 500 for request in requests)
    assert any(request.metadata for request in requests)
    ids = [request.request_id for request in requests if request.request_id]
    assert len(set(ids)) < len(ids), "one id is repeated"


@pytest.mark.parametrize("document", [README, (ROOT / "docs/architecture.md").read_text()])
def test_json_in_the_documents_is_json(document):
    for block in re.findall(r"```json\n(.*?)```", document, re.DOTALL):
        for line in block.splitlines():
            orjson.loads(line)
