"""In whatever order, in whatever portions and however often changes are told: the tables say the same in the end."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import sqlalchemy as sql
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.index import Change, Completed, Index
from storage.index.joins import file_sums, job_sums
from storage.index.kinds import KINDS, Kind
from storage.index.tables import ALL, SUMS, files, jobs, totals
from storage.index.writing import empty, together
from tests.index.telling import about, asked, cancelled, completed, deleted, failed, noted, progressed, retained

WHOSE = [about("one"), about("two"), about("one", "acme")]
CODES = ("unknown_voice", "request_conflict", "cancelled", "internal")

# Few moments, so that many things happen at once.
moments = st.integers(0, 6).map(lambda n: n * 0.08)
whose = st.sampled_from(WHOSE)
places = st.integers(0, 3).map(lambda n: f"tts.requests-0-{n}")


@st.composite
def asks(draw: st.DrawFn) -> Change:
    """A record has one place, and one content there: what differs follows from the place."""
    who, place = draw(whose), draw(places)
    number = int(place[-1])
    lane = "bulk" if number == 2 else "interactive"
    at_place = f"{place}-{who.tenant}-{who.request_id}"
    attempt, pool, moved = 1 + number // 2, ("", "gpu")[number // 2], number == 3
    times = {"seconds": number * 0.1, "since": (number // 2) * 0.1}
    return asked(who, place=at_place, attempt=attempt, lane=lane, model=f"m{number}", pool=pool, moved=moved, **times)


@st.composite
def failures(draw: st.DrawFn) -> Change:
    number, who = draw(st.integers(0, 6)), draw(whose)
    source = f"tts.requests-0-{number % 4}-{who.tenant}-{who.request_id}"
    return failed(who, number * 0.08, CODES[number % 4], source, 1 + number % 3)


@st.composite
def results(draw: st.DrawFn) -> Completed:
    seconds = draw(moments)
    # Of one making everything is the same but its expiry, which may have been moved before it was told again.
    size, hours = int(seconds * 100) + 1, draw(st.sampled_from([24.0, 30.0]))
    return completed(draw(whose), seconds, hours, size=size, model=f"tone{seconds}")


# A stranger may write anything to the topic: even records that differ in nothing but what no order should hang on.
notes = st.builds(
    noted,
    st.sampled_from(["one", "two"]),
    moments,
    st.sampled_from(["due", "delivered", "given_up", "gone", "a later word"]),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.08]),
    detail=st.none() | st.sampled_from(["", "200 OK"]),
    tenant=st.sampled_from(["default", "acme"]),
    request_id=st.none() | st.just("one"),
)

changes = st.one_of(
    asks(),
    failures(),
    results(),
    st.builds(progressed, whose, moments, st.none() | st.integers(1, 4), worker=st.sampled_from("ab")),
    st.builds(cancelled, whose, moments),
    st.builds(deleted, whose, moments, st.none() | moments, st.sampled_from(["expired", "requested"])),
    st.builds(retained, whose, moments, moments, st.sampled_from([24.0, 30.0]), st.booleans()),
    notes,
)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Change], list[list[Change]]]:
    """Changes, and the same with repeats, shuffled, in portions."""
    story = draw(st.lists(changes, max_size=12))
    repeats = draw(st.lists(st.sampled_from(story), max_size=6)) if story else []
    shuffled = draw(st.permutations([*story, *repeats]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    bounds = [0, *cuts, len(shuffled)]
    return story, [shuffled[a:b] for a, b in itertools.pairwise(bounds)]


def final(kind: Kind, story: list[Change]) -> dict[str, dict[str, Any]]:
    return {name: kind.finish(row) for name, row in together(kind, story).items()}


@given(tellings())
def test_rows_do_not_depend_on_the_order(telling: tuple[list[Change], list[list[Change]]]) -> None:
    story, portions = telling
    for kind in KINDS:
        known: dict[str, dict[str, Any]] = {}
        for portion in portions:
            for name, row in together(kind, portion).items():
                known[name] = kind.finish(kind.join(known[name], row) if name in known else row)
        assert known == final(kind, story)


@given(st.lists(changes, min_size=3, max_size=3) | st.lists(notes, min_size=3, max_size=3))
def test_joining_is_associative_commutative_and_idempotent(three: list[Change]) -> None:
    for kind in KINDS:
        rows = [row for change in three if (row := kind.of(change))]
        if len(rows) == 3 and len({row[kind.key] for row in rows}) == 1:
            a, b, c = rows
            assert kind.join(kind.join(a, b), c) == kind.join(a, kind.join(b, c))
            assert kind.join(a, b) == kind.join(b, a)
            assert kind.join(a, a) == a


def everything(index: Index) -> dict[str, dict[Any, dict[str, Any]]]:
    with index.database.reading() as connection:
        return {
            table.name: {_key(table, row): dict(row) for row in connection.execute(sql.select(table)).mappings()}
            for table in (*(kind.table for kind in KINDS), totals)
        }


def _key(table: sql.Table, row: Any) -> Any:
    names = [column.name for column in table.primary_key]
    return row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)


def counted(tables: dict[str, dict[Any, dict[str, Any]]]) -> dict[tuple[str, str], Counter[str]]:
    """The totals of each tenant and pool as a walk over all rows finds them."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for table, of in ((jobs, job_sums), (files, file_sums)):
        for row in tables[table.name].values():
            for tenant in (row["tenant"], ALL):
                sums.setdefault((tenant, row.get("pool", "")), Counter()).update(of(row))
    return sums


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(tellings())
def test_tables_and_totals_do_not_depend_on_the_order(
    index: Index, telling: tuple[list[Change], list[list[Change]]]
) -> None:
    story, portions = telling
    with index.database.writing() as connection:
        empty(connection)
    for portion in portions:
        index.apply(portion)
    found = everything(index)
    for kind in KINDS:
        assert found[kind.table.name] == final(kind, story)
    sums = counted(found)
    for whose, row in found[totals.name].items():
        assert {name: row[name] for name in SUMS} == {name: sums.get(whose, Counter())[name] for name in SUMS}
    assert sums.keys() - found[totals.name].keys() <= {w for w, counts in sums.items() if not any(counts.values())}
    for portion in portions:
        index.apply(portion)
    assert everything(index) == found, "telling it again changes nothing"
