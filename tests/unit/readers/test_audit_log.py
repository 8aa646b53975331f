"""The log's own checks, on lists of records."""

from datetime import UTC, datetime

import pytest
from aiokafka import TopicPartition

from streams.headers import again
from streams.readers.audit.findings import Kind, Report, Usage
from streams.readers.audit.log_checks import LogChecks, figures
from streams.readers.audit.page import page
from streams.readers.audit.tables import Tables
from streams.readers.audit.window import Window
from streams.readers.identity import ask_of
from streams.readers.replay import Range
from streams.settings import load
from tests.unit.readers.log_fakes import BEGAN_MS, about, record

SETTINGS = load({})
REQUESTS = "tts.requests"
LATER = BEGAN_MS / 1000 + 1e6
PAIR = TopicPartition(REQUESTS, 0)


class Log:
    """What was asked and answered, with all of it passed by the group unless `committed` says otherwise."""

    def __init__(self, committed=1000, first=0):
        self.tables = Tables(SETTINGS, None, {PAIR: committed}, LATER)
        ranges = {PAIR: Range(first, 1000, first)}
        shorts = {
            f"tts.{short}": short for short in ("requests", "requests.retry", "completed", "failed", "requests.dlq")
        }
        self.window = Window(LATER, 0.0, LATER, 7.0, shorts, {PAIR: committed}, ranges)
        self._offset = first

    def ask(self, name, text="x", headers=(), **more):
        """A request; returns its record."""
        fields = {"text": text} | ({"request_id": name} if name else {})
        found = record(REQUESTS, fields | more, self._offset, b"k", headers)
        self._offset += 1
        self.window.oldest.setdefault(PAIR, found.timestamp / 1000)
        self.tables.add("requests", [found])
        return found

    def completed(self, asked, **more):
        ask = ask_of(asked, SETTINGS)
        event = about(ask.request_id) | {"sha256": "a", "pcm_sha256": "b", "attempts": ask.attempt, "model": "tone"}
        moment = datetime.fromtimestamp(asked.timestamp / 1000, UTC).isoformat()
        event |= {"text_sha256": ask.text_sha256, "created_at": moment, "expires_at": moment}
        self.tables.add("completed", [record("tts.completed", event | more)])

    def failed(self, asked, code="unknown_model", dead=True, **more):
        ask = ask_of(asked, SETTINGS)
        event = about(ask.request_id) | {"code": code, "attempts": ask.attempt, "source": ask.place}
        self.tables.add("failed", [record("tts.failed", event | more)])
        if dead:
            said = {"exception": code, "topic": asked.topic, "partition": "0", "offset": str(asked.offset)}
            headers = [*asked.headers, *((f"__streams.errors.{n}", v.encode()) for n, v in said.items())]
            self.tables.add("requests.dlq", [record("tts.requests.dlq", asked.value, 0, asked.key, headers)])

    def audited(self):
        """Kinds found, and how often."""
        self.tables.index()
        self.report = Report(datetime.fromtimestamp(LATER, UTC))
        figures(self.tables, self.window, self.report)
        LogChecks(self.tables, self.window, self.report).run()
        self.tables.close()
        return {kind: found.count for kind, found in self.report.findings.items()}


def copy_of(asked, attempt):
    return again(asked.headers, ask_of(asked, SETTINGS).source, attempt)


@pytest.fixture
def log():
    return Log()


def test_requests_with_one_outcome_each(log):
    log.completed(log.ask("one"))
    log.failed(log.ask("two"))
    log.completed(log.ask(None))
    log.failed(log.ask(None, model="nobody"))
    log.failed(log.ask("invalid", speed="fast"), "invalid_request")
    log.failed(log.ask("cancelled"), "cancelled", dead=False)
    assert log.audited() == {}
    assert (log.report.counts["requests"], log.report.counts["completed"], log.report.counts["failed"]) == (6, 2, 4)


def test_a_request_without_an_outcome(log):
    log.ask("one")
    log.ask(None)
    assert log.audited() == {Kind.REQUEST_WITHOUT_OUTCOME: 2}


def test_what_the_group_has_not_passed_is_pending():
    log = Log(committed=1)
    log.completed(log.ask("one"))
    log.ask("two")
    assert log.audited() == {}
    assert log.report.counts["pending"] == 1


def test_repeats_share_one_outcome(log):
    asked = log.ask("one")
    log.ask("one")
    log.completed(asked)
    log.completed(asked)
    assert log.audited() == {}


def test_a_conflict_has_its_own_failure(log):
    asked, other = log.ask("one"), log.ask("one", "other")
    log.completed(asked)
    log.failed(other, "request_conflict", dead=False, content_sha256=ask_of(other, SETTINGS).content)
    assert log.audited() == {}


def test_a_conflict_without_its_failure_has_no_outcome(log):
    asked = log.ask("one")
    log.ask("one", "other")
    log.completed(asked)
    assert log.audited() == {Kind.REQUEST_WITHOUT_OUTCOME: 1}


def test_a_later_attempt_supersedes_a_failure(log):
    asked = log.ask("one")
    log.failed(asked)
    log.completed(log.ask("one", headers=copy_of(asked, 2)))
    nameless = log.ask(None)
    log.failed(nameless)
    again_failed = log.ask(None, headers=copy_of(nameless, 2))
    log.failed(again_failed)
    assert log.audited() == {}
    assert log.report.counts["requests"] == 2


def test_another_record_with_the_id_may_end_otherwise(log):
    log.failed(log.ask("one"))
    log.completed(log.ask("one"))
    assert log.audited() == {}


def test_two_different_outcomes(log):
    asked, other = log.ask("one"), log.ask("two")
    log.completed(asked)
    log.failed(asked, "cancelled", dead=False)
    log.completed(other)
    log.completed(other, pcm_sha256="c")
    assert log.audited() == {Kind.TWO_OUTCOMES: 2}


def test_outcomes_that_nobody_asked_for(log):
    asked = log.ask("one")
    log.completed(asked)
    log.completed(asked, **about("forged"))
    log.failed(asked, dead=False, **about("forged-too"))
    log.tables.add("completed", [record("tts.completed", b"not json")])
    assert log.audited() == {Kind.OUTCOME_WITHOUT_REQUEST: 3}


def test_dead_letters_and_failures_belong_together(log):
    asked = log.ask("one")
    log.failed(asked, "unknown_model", dead=False)
    other = log.ask("two")
    log.failed(other, "invalid_request")
    log.failed(other, "text_too_long", dead=False)
    assert log.audited() == {Kind.FAILURE_WITHOUT_DEAD_LETTER: 2}


def test_requests_that_were_removed():
    log = Log(first=5)
    first = log.ask("here")
    log.completed(first)
    before = record(
        REQUESTS, {"text": "x", "request_id": "before"}, 4, seconds=first.timestamp / 1000 - BEGAN_MS / 1000 - 5
    )
    log.window.days = 1e9
    log.completed(before)
    log.failed(before)
    assert log.audited() == {Kind.RETENTION_GAP: 2}
    assert log.report.counts["out_of_window"] == 0


def test_requests_whose_days_are_over_are_out_of_the_window():
    log = Log(first=5)
    first = log.ask("here")
    log.completed(first)
    before = record(REQUESTS, {"text": "x", "request_id": "b"}, 4, seconds=first.timestamp / 1000 - BEGAN_MS / 1000 - 5)
    log.completed(before)
    log.failed(before)
    assert log.audited() == {}
    assert log.report.counts["out_of_window"] == 2


def test_requests_removed_unread():
    log = Log(committed=3, first=5)
    log.ask("waiting")
    assert log.audited() == {Kind.RETENTION_GAP: 1}


def test_a_page_shows_all_of_it(log):
    log.failed(log.ask("one<script>"))
    log.ask("lost")
    log.audited()
    log.report.usage = [Usage("acme & co", "tone", 1, 2, 3.0, 4.0)]
    html = page(log.report)
    assert "request_without_outcome" in html and "acme &amp; co" in html and "<svg" in html
    assert (
        "<script" not in html and "http://www.w3.org" in html and html.count("http") == html.count("http://www.w3.org")
    )
    assert "every guarantee held" in page(Report(log.report.at))
