from streams.errors import ErrorCode
from streams.readers.identity import ask_of
from streams.readers.ledger import Answer, Ledger, Open
from streams.settings import load
from tests.unit.readers.log_fakes import BEGAN_MS, record

SETTINGS = load({})
PASSED = 100.0


def request(name, offset, text="x", seconds=0.0, headers=()):
    """A record that the workers have passed."""
    found = record("tts.requests", {"request_id": name, "text": text}, offset, headers=headers, seconds=seconds)
    ask = ask_of(found, SETTINGS)
    return Open(ask, found.topic, 0, offset, found.timestamp / 1000, PASSED)


def answer(entry, seconds=1.0, **fields):
    return Answer(entry.ask.file_id, BEGAN_MS / 1000 + seconds, **fields)


def lost(ledger, now=PASSED + 10, grace=5):
    return [entry.ask.place for entry in ledger.lost(now, grace)]


def test_only_what_has_no_outcome_for_long_is_lost():
    ledger = Ledger()
    one, two = request("one", 1), request("two", 2)
    ledger.passed(one)
    ledger.passed(two)
    ledger.answered(answer(two, text_sha256=two.ask.text_sha256))
    assert lost(ledger, PASSED + 4) == []
    assert lost(ledger) == ["tts.requests-0-1"]
    ledger.forget(one.ask.source)
    assert (lost(ledger), len(ledger)) == ([], 0)


def test_an_outcome_may_come_before_its_request_is_passed():
    ledger = Ledger()
    one = request("one", 1)
    ledger.answered(answer(one))
    ledger.passed(one)
    assert lost(ledger) == []


def test_an_outcome_of_an_earlier_attempt_is_not_that_of_the_copy():
    ledger = Ledger()
    one = request("one", 1)
    ledger.passed(one)
    ledger.answered(answer(one, code=ErrorCode.UNKNOWN_MODEL, source=one.ask.place))
    copy = request("one", 9, seconds=60, headers=[("loa-source", one.ask.place.encode()), ("loa-attempt", b"2")])
    ledger.passed(copy)
    ledger.answered(answer(one, seconds=2))
    assert lost(ledger) == ["tts.requests-0-9"]
    ledger.answered(answer(one, seconds=61))
    assert lost(ledger) == []


def test_a_copy_stands_for_its_original():
    ledger = Ledger()
    one = request("one", 1)
    ledger.passed(one)
    ledger.passed(request("one", 9, seconds=60, headers=[("loa-source", one.ask.place.encode())]))
    assert lost(ledger) == ["tts.requests-0-9"]


def test_an_outcome_is_that_of_copies_that_are_passed_after_it():
    """A request that was moved: its record is passed at once, its copy's only once the outcome is there."""
    one = request("one", 1)
    copy = request("one", 9, seconds=0.5, headers=[("loa-source", one.ask.place.encode())])
    for order in ("one answer copy", "answer one copy"):
        ledger = Ledger()
        for what in order.split():
            if what == "answer":
                ledger.answered(answer(one, text_sha256=one.ask.text_sha256))
            else:
                ledger.passed(one if what == "one" else copy)
        assert lost(ledger) == [], order


def test_a_conflict_is_answered_by_its_own_failure_alone():
    ledger = Ledger()
    one, other = request("one", 1), request("one", 2, "other")
    ledger.passed(one)
    ledger.passed(other)
    ledger.answered(answer(one, text_sha256=one.ask.text_sha256))
    assert lost(ledger) == ["tts.requests-0-2"]
    ledger.answered(answer(one, code=ErrorCode.REQUEST_CONFLICT, content=other.ask.content, source="elsewhere-0-1"))
    assert lost(ledger) == []


def test_early_outcomes_are_kept_within_bounds():
    ledger = Ledger(most_answered=2)
    entries = [request(f"early-{number}", number) for number in range(3)]
    for entry in entries:
        ledger.answered(answer(entry))
    for entry in entries:
        ledger.passed(entry)
    assert lost(ledger) == ["tts.requests-0-0"]
