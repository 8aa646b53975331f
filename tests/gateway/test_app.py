"""The application without anything behind it: errors, ids, documents."""

import re
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from streams.errors import ErrorCode
from streams.gateway.app import routes
from streams.gateway.errors import STATUS, ApiError
from streams.gateway.middleware import EveryAnswer
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics


class Unknown:
    """An installation of which nothing is known."""

    async def look(self) -> None:
        """As `Installation.look`."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app, metrics = routes(), Metrics(Part.GATEWAY)
    app.state.metrics, app.state.installation = metrics, Unknown()
    transport = httpx.ASGITransport(EveryAnswer(app, metrics), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://loa") as made:
        yield made


async def test_a_wrong_method_is_answered_with_all_that_are_right(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/tts/audio/0")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_the_document_says_what_every_call_answers() -> None:
    for path, calls in routes().openapi()["paths"].items():
        for method, call in calls.items():
            for status, answer in call["responses"].items():
                schemas = [each.get("schema") for each in answer.get("content", {}).values()]
                assert status in {"304", "307"} or (schemas and all(schemas)), f"{method} {path}: {status}"


def test_every_code_has_a_status() -> None:
    assert STATUS.keys() == set(ErrorCode)
    assert ApiError.failed({"code": "of a later version", "message": "m"}).status == 500


async def test_a_fault_is_told_without_what_it_was(client: httpx.AsyncClient) -> None:
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with capture_logs(processors=[merge_contextvars]) as logged:
        answer = await client.get("/v1/models", headers=trace)  # there is nothing behind it
        ours = await client.post("/api/tts/storage/cleanup")
    assert [(line["log_level"], line["path"]) for line in logged] == [
        ("error", "/v1/models"),
        ("error", "/api/tts/storage/cleanup"),
    ]
    assert [line["request_id"] for line in logged] == [each.headers["x-request-id"] for each in (answer, ours)]
    assert [line.get("trace_id") for line in logged] == ["0af7651916cd43dd8448eb211c80319c", None]
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "parts" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["x-request-id"] and answer.headers["x-frame-options"] == "DENY"
    assert ours.json()["error"]["request_id"] == ours.headers["x-request-id"]


async def test_an_id_is_the_callers_if_it_is_one(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz", headers={"X-Request-ID": "mine-1"})).headers["x-request-id"] == "mine-1"
    for wrong in ("a b", "../x", "x" * 200, "-first"):
        assert (await client.get("/healthz", headers={"X-Request-ID": wrong})).headers["x-request-id"] != wrong


async def test_the_documents(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/tts/synthesize", "/api/tts/audio/{file_id}", "/v1/audio/speech"} <= document["paths"].keys()
    named = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(set(named)) == len(named)
    assert b"$defs" not in orjson.dumps(document)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', orjson.dumps(document).decode()))
    assert named <= document["components"]["schemas"].keys()
    for calls in document["paths"].values():
        assert all("422" not in call["responses"] and "default" in call["responses"] for call in calls.values())
    page = (await client.get("/docs")).text
    assert "http://" not in page and "https://" not in page, "it works without the internet"


async def test_metrics_have_no_paths_or_ids(client: httpx.AsyncClient) -> None:
    await client.get("/secret/path")
    await client.request("BREW", "/healthz")
    text = (await client.get("/metrics")).text
    assert 'method="GET",route="none",status="404"' in text
    assert "secret" not in text and "BREW" not in text
