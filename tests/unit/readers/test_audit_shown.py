"""What people see."""

from datetime import UTC, datetime

from streams.cli.audit import _show
from streams.readers.audit.findings import MOST_EXAMPLES, Kind, Report, Usage

AT = datetime(2025, 1, 3, tzinfo=UTC)


def test_every_kind_says_what_it_means():
    assert all(len(kind.text) > 15 for kind in Kind)


def test_a_sound_report(capsys):
    report = Report(AT, counts={"requests": 3, "out_of_window": 1}, usage=[Usage("acme", "tone", 3, 9, 1.25, 0.5)])
    _show(report)
    said = capsys.readouterr().out
    assert "3 requests, 1 out of window" in said and "acme" in said and "every guarantee held" in said


def test_findings_have_a_count_and_a_few_examples(capsys):
    report = Report(AT, failures={"internal": 2}, dead_letters={"": 1}, notes=["a [note] with brackets"])
    report.add(Kind.ORPHAN, ({"file": f"[{number}]"} for number in range(9)))
    _show(report)
    said = capsys.readouterr().out
    assert "orphan  9: " in said and "file [4]" in said and "file [5]" not in said
    assert "internal 2" in said and "no reason 1" in said and "a [note] with brackets" in said
    assert len(report.findings[Kind.ORPHAN].examples) == MOST_EXAMPLES
    assert report.data()["findings"]["orphan"]["count"] == 9
    assert not report.held
