"""Who is spoken for next."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schedule import Claim, FairQueue, Lane


def test_one_tenant_is_served_in_its_order():
    queue: FairQueue[int] = FairQueue()
    for number in range(5):
        queue.push(number, Claim())
    assert [queue.pop() for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_single_sentence_does_not_wait_for_another_tenants_flood():
    queue: FairQueue[str] = FairQueue()
    for _ in range(1000):
        queue.push("flood", Claim("a"))
    for _ in range(10):
        queue.pop()
    queue.push("single", Claim("b"))
    assert "single" in [queue.pop() for _ in range(2)]


def test_tenants_share_seconds_and_not_pieces():
    queue: FairQueue[str] = FairQueue()
    for _ in range(400):
        queue.push("long", Claim("a", cost=4.0))
        queue.push("short", Claim("b", cost=1.0))
    served = Counter(queue.pop() for _ in range(250))
    assert served["short"] == pytest.approx(4 * served["long"], rel=0.05)


def test_bulk_has_its_minimum_and_interactive_goes_before():
    queue: FairQueue[str] = FairQueue()
    for _ in range(500):
        queue.push("bulk", Claim("a", Lane.BULK))
        queue.push("interactive", Claim("b"))
    served = Counter(queue.pop() for _ in range(500))
    assert served["bulk"] == pytest.approx(50, abs=2)


def test_bulk_alone_has_everything():
    queue: FairQueue[int] = FairQueue()
    for number in range(3):
        queue.push(number, Claim(lane=Lane.BULK))
    assert [queue.pop() for _ in range(3)] == [0, 1, 2]


def test_being_idle_saves_up_no_claim():
    queue: FairQueue[str] = FairQueue()
    for _ in range(100):
        queue.push("a", Claim("a"))
    for _ in range(50):
        queue.pop()
    for _ in range(100):
        queue.push("b", Claim("b"))
    served = Counter(queue.pop() for _ in range(20))
    assert served["a"] == pytest.approx(10, abs=1)


def test_nobody_waits():
    queue: FairQueue[int] = FairQueue()
    assert not queue
    with pytest.raises(IndexError):
        queue.pop()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Lane), st.floats(0.01, 10)), max_size=60))
def test_everything_comes_out_once_and_each_tenants_own_in_order(asked):
    queue: FairQueue[tuple[str, Lane, int]] = FairQueue()
    for number, (tenant, lane, cost) in enumerate(asked):
        queue.push((tenant, lane, number), Claim(tenant, lane, cost))
    assert len(list(queue)) == len(asked)
    out = []
    while queue:
        out.append(queue.pop())
    assert len(out) == len(set(out)) == len(asked)
    for flow in {item[:2] for item in out}:
        numbers = [item[2] for item in out if item[:2] == flow]
        assert numbers == sorted(numbers)
