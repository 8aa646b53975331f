"""What endpoints are told: how each delivery stands, whose it is, and lists that cost the same however long."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import sqlalchemy as sql

from storage.errors import BadCursor
from storage.index import Delivery, Index, replace
from storage.index.compare import Limits, compare
from storage.index.deliveries import delivery_of
from storage.index.pruning import Pruned
from storage.index.queries import WantedDeliveries, delivery_page
from storage.index.tables import deliveries
from tests.index.conftest import NewIndex
from tests.index.telling import at, noted


def only(index: Index, **wanted: Any) -> Delivery:
    (found,) = index.deliveries(None, **wanted).deliveries
    return found


def names(index: Index, tenant: str | None = None, **wanted: Any) -> list[str | None]:
    return [each.request_id for each in index.deliveries(tenant, **wanted).deliveries]


def test_a_delivery_from_due_to_delivered(index: Index) -> None:
    index.apply([noted("one", 1)])
    due = only(index)
    assert (due.webhook_id, due.endpoint, due.url) == ("one.completed", "callback", "https://example.com/one")
    assert (due.state, due.attempt, due.created_at, due.updated_at, due.detail) == ("due", 1, at(0), at(1), None)
    index.apply([noted("one", 2, attempt=2, detail="500", not_before=at(9))])
    assert (only(index).attempt, only(index).not_before, only(index).detail) == (2, at(9), "500")
    index.apply([noted("one", 9, "delivered", 2)])
    index.apply([noted("one", 1), noted("one", 2, attempt=2)])  # told again
    assert (only(index).state, only(index).attempt, only(index).updated_at) == ("delivered", 2, at(9))


def test_what_is_made_again_is_due_again(index: Index) -> None:
    index.apply([noted("one", 1, "given_up", 9), noted("one", 20, first=20)])
    assert (only(index).state, only(index).attempt, only(index).created_at) == ("due", 1, at(20))
    index.apply([noted("one", 21, attempt=2)])  # of the first series, which somebody still had in hand
    assert only(index).attempt == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_taken_was_taken(index: Index, order: tuple[int, int]) -> None:
    """Two processes had it in hand, after a crash: one was answered, the other not."""
    ends = [noted("one", 3, "delivered", 2), noted("one", 90, "given_up", 9)]
    index.apply([ends[number] for number in order])
    assert only(index).state == "delivered"


def test_each_endpoint_and_each_url_has_its_own(index: Index) -> None:
    index.apply(
        [noted("one", 1), noted("one", 1, endpoint="billing"), noted("one", 1, url="https://example.com/other")]
    )
    assert len(index.deliveries(None).deliveries) == 3
    assert only(index, endpoint="billing").request_id == "one"


def test_lists_are_the_newest_first_and_each_tenants_own(index: Index) -> None:
    index.apply([noted(f"r{n}", 9, "gone" if n % 2 else "due", first=n) for n in range(6)])
    index.apply([noted("theirs", 9, tenant="acme", first=9), noted("nobodys", 9, request_id=None, first=8)])
    assert names(index) == ["theirs", None, "r5", "r4", "r3", "r2", "r1", "r0"]
    assert names(index, "acme") == ["theirs"] and names(index, "nobody") == []
    assert names(index, "default", state="gone") == ["r5", "r3", "r1"]
    assert names(index, state="gone", request_id="r3") == ["r3"] and names(index, "acme", request_id="r3") == []
    assert names(index, state="delivered") == [] and names(index, endpoint="callback", limit=2) == ["theirs", None]
    page = index.deliveries("default", state="due", limit=2)
    index.apply([noted("new", 9, first=99)])
    last = index.deliveries("default", state="due", limit=2, cursor=page.next_cursor)
    assert [each.request_id for each in (*page.deliveries, *last.deliveries)] == [None, "r4", "r2", "r0"]
    assert last.next_cursor is None


def test_many_of_one_moment_are_all_there_once(index: Index) -> None:
    index.apply([noted(f"r{n}", 1) for n in range(25)])
    seen: list[str | None] = []
    page = index.deliveries(None, limit=7)
    while page.next_cursor:
        seen += [each.request_id for each in page.deliveries]
        page = index.deliveries(None, limit=7, cursor=page.next_cursor)
    seen += [each.request_id for each in page.deliveries]
    assert sorted(map(str, seen)) == sorted(f"r{n}" for n in range(25))
    with pytest.raises(BadCursor):
        index.deliveries(None, cursor="none")


@pytest.mark.parametrize(
    "wrong", [{"endpoint": ""}, {"endpoint": "x" * 65}, {"tenant": ""}, {"url": "a\0b"}, {"attempt": 2**31}]
)
def test_what_cannot_be_kept_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        noted("one", 1, **wrong)


def test_the_longest_there_is(index: Index) -> None:
    wide = "\N{MUSICAL SYMBOL G CLEF}" * 5000
    index.apply([noted(wide, 1, wide, endpoint=wide[:64], tenant=wide[:255], url=wide, detail=wide)])
    assert len(only(index, request_id=wide).url) == 4000


def test_pruning(index: Index) -> None:
    index.apply([noted("old", 5, "delivered"), noted("waits", 5000), noted("young", 4001, "gone", first=4000)])
    assert index.prune(at(1000)) == Pruned(jobs=0, files=0, deliveries=1)
    assert names(index) == ["young", "waits"]


def test_held_against_one_made_anew(open_index: NewIndex, other_index: Index) -> None:
    index = open_index()
    for one in (index, other_index):
        one.apply([noted(f"r{n}", 10, "delivered", first=n) for n in range(4)])
    limits = Limits(whole_since=at(0), before=at(-1), files_before=at(-1), young_since=at(1000))

    def drift() -> dict[str, int]:
        with index.database.reading() as have, other_index.database.reading() as should:
            return dict(compare(have, should, limits).counts)

    assert drift() == {}
    with index.database.writing() as connection:
        connection.execute(deliveries.delete().where(deliveries.c.request_id == "r0"))
        connection.execute(deliveries.update().where(deliveries.c.request_id == "r1").values(state="due"))
        connection.execute(deliveries.update().where(deliveries.c.request_id == "r2").values(attempt=7))
    index.apply([noted("r9", 10, first=9)])
    assert drift() == {"deliveries missing": 1, "deliveries stale": 1, "deliveries unfounded": 2}
    replace(index, other_index)
    assert drift() == {} and names(index) == ["r3", "r2", "r1", "r0"]


CHOICES = {"tenant": "acme", "state": "gone", "endpoint": "billing", "request_id": "one"}


def test_pages_are_read_from_database_indexes_in_their_order(index: Index) -> None:
    """However they are chosen, nothing is sorted, and no others are walked but the few of one request."""
    many = (
        noted(
            f"r{n}",
            n,
            "gone" if n % 20 == 0 else "delivered",
            endpoint="billing" if n % 11 == 0 else "callback",
            tenant="acme" if n % 13 == 0 else "default",
            first=n,
        )
        for n in range(10_000)
    )
    with index.database.writing() as connection:
        connection.execute(deliveries.insert(), [delivery_of(one) for one in many])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE loa_deliveries")
    for count in range(len(CHOICES) + 1):
        for some in itertools.combinations(CHOICES.items(), count):
            plan = plan_of(index, WantedDeliveries(**dict(some)))
            found = re.search(r"(?:SEARCH|SCAN|Index Scan).* (loa_deliveries_by_\w+)", plan)
            assert found and not re.search("SORT|TEMP B-TREE", plan, re.IGNORECASE), plan
            named = {"request"} if "request_id" in dict(some) else set(dict(some)) or {"time"}
            assert set(found[1].removeprefix("loa_deliveries_by_").split("_")) == named, plan


def plan_of(index: Index, wanted: WantedDeliveries) -> str:
    """How the database goes about a page."""
    asked: list[tuple[str, Any]] = []
    with index.database.reading() as connection:
        sql.event.listen(connection, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        delivery_page(connection, wanted, 5, None)
        statement, values = asked[-1]
        explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        return "\n".join(map(str, connection.exec_driver_sql(f"{explain} {statement}", values)))
