"""Lines of the log: how they are written, what they are about, and how often."""

import io
import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import structlog

from models.engine import OutOfMemory, Piece
from models.speech import Speech
from streams import logs, settings
from streams.logs import Bounded, about
from tests.fakes import InProcessPool, Rig

TRACE = {"traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Begin = Callable[..., io.StringIO]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Sets logs up, and returns what they are written to."""

    def set_up(form: logs.Format = "auto", stream: io.StringIO | None = None) -> io.StringIO:
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(sys, "stderr", stream or io.StringIO())
            logs.set_up("INFO", form)
            return sys.stderr  # type: ignore[return-value]

    return set_up


def told(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_json_elsewhere_than_on_a_terminal(begin: Begin) -> None:
    err = begin()
    structlog.get_logger("streams.x").info("something", n=1)
    (line,) = told(err)
    assert (line["event"], line["level"], line["logger"], line["n"]) == ("something", "info", "streams.x", 1)
    assert line["timestamp"].endswith("Z")
    terminal = begin(stream=Terminal())
    structlog.get_logger("streams.x").info("something", n=1)
    assert "something" in terminal.getvalue() and "{" not in terminal.getvalue()


def test_a_form_can_be_asked_for(begin: Begin) -> None:
    err = begin("console")
    structlog.get_logger("streams.x").info("something")
    assert not err.getvalue().startswith("{") and "\x1b" not in err.getvalue(), "no colours in a file"
    terminal = begin("json", Terminal())
    structlog.get_logger("streams.x").info("something")
    assert told(terminal)[0]["event"] == "something"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_is_told_with_where_it_was(begin: Begin, form: logs.Format) -> None:
    err = begin(form)
    try:
        raise ValueError("deep")
    except ValueError as error:
        structlog.get_logger("streams.x").error("a fault", exc_info=error)
        logging.getLogger("other").exception("a fault of others")
    assert err.getvalue().count("ValueError: deep") == 2
    assert err.getvalue().count("test_logs.py") == 2


def test_other_peoples_loggers_are_written_the_same_way_and_say_little(begin: Begin) -> None:
    err = begin()
    for name in ("faust.service", "mode.threads", "aiokafka.conn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("node %s is away", 7)
    lines = told(err)
    assert [line["logger"] for line in lines] == [
        *("faust.service", "mode.threads", "aiokafka.conn", "uvicorn.error", "asyncio")
    ]
    assert {line["event"] for line in lines} == {"node 7 is away"}
    assert {line["level"] for line in lines} == {"warning"}


def test_what_is_bound_is_in_every_line_and_gone_after_it(begin: Begin) -> None:
    err = begin()
    with about("r-1", "acme", TRACE):
        structlog.get_logger("streams.x").info("ours")
        logging.getLogger("other").warning("of others")
    structlog.get_logger("streams.x").info("after")
    ours, others, after = told(err)
    for line in (ours, others):
        assert (line["request_id"], line["tenant"]) == ("r-1", "acme")
        assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert not {"request_id", "tenant", "trace_id"} & after.keys()


def test_a_message_of_others_is_written_once_a_minute_with_how_often_it_was_left_out(begin: Begin) -> None:
    err = begin()
    now = 0.0
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, Bounded)
    handler._clock, handler._began = lambda: now, now
    client = logging.getLogger("aiokafka.client")
    for port in range(500):
        client.error("Unable connect to node with id %s", port)
    client.error("another message")
    assert [line["event"] for line in told(err)] == ["Unable connect to node with id 0", "another message"]
    now = 61.0
    with about("r-1", "acme", TRACE):
        client.error("Unable connect to node with id %s", 500)
    _, _, left_out, again = told(err)
    assert (left_out["event"], left_out["left_out"]) == ("Unable connect to node with id %s", 499)
    assert "request_id" not in left_out, "it is about no request"
    assert again["event"] == "Unable connect to node with id 500"
    client.error("Unable connect to node with id %s", 501)
    handler.close()
    assert told(err)[-1]["left_out"] == 1, "told at the end at the latest"


def test_a_message_of_ours_is_written_for_many_requests(begin: Begin) -> None:
    err = begin()
    for number in range(logs.MOST_OF_OURS + 3):
        structlog.get_logger("streams.x").warning("will be tried again", number=number)
    assert len(told(err)) == logs.MOST_OF_OURS
    logging.getLogger().handlers[0].close()
    assert told(err)[-1] | {"timestamp": ""} == {
        "event": "will be tried again",
        "left_out": 3,
        "level": "warning",
        "logger": "streams.x",
        "timestamp": "",
    }


async def test_what_a_worker_says_of_a_request_names_it(begin: Begin) -> None:
    err = begin()

    def fail(_: Piece) -> Speech:
        raise OutOfMemory("no room")

    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_RETRY_ATTEMPTS": "2"}), InProcessPool(instead=fail))
    rig.ask(request_id="r-1", tenant="acme", headers=list(TRACE.items()))
    rig.ask(headers=list(TRACE.items()))
    await rig.run()
    lines = [line for line in told(err) if line["event"] == "will be tried again"]
    named = {(line["request_id"], line["tenant"]) for line in lines}
    assert named == {("r-1", "acme"), ("tts.requests-0-1", "default")}
    assert {line["trace_id"] for line in lines} == {"0af7651916cd43dd8448eb211c80319c"}
