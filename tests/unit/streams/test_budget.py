"""The budget: a bound that is kept, in the order of asking."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agents.budget import Budget, Place


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_admits_up_to_its_seconds_and_in_the_order_of_asking():
    budget, admitted = Budget(10, 100), []

    async def take(name: str, seconds: float) -> Place:
        place = await budget.take("tenant", seconds)
        admitted.append(name)
        return place

    tasks = [asyncio.create_task(take(name, seconds)) for name, seconds in (("a", 9), ("b", 6), ("c", 1))]
    await settled()
    assert admitted == ["a"], "c would fit, but b asked first"
    budget.give(await tasks[0])
    await settled()
    assert admitted == ["a", "b", "c"]
    await asyncio.gather(*tasks)


async def test_one_item_larger_than_everything_is_admitted_alone():
    budget = Budget(10, 100)
    place = await budget.take("a", 1000)
    waiting = asyncio.create_task(budget.take("b", 1))
    await settled()
    assert not waiting.done()
    budget.give(place)
    await waiting


async def test_bounds_requests_too():
    budget = Budget(10, 2)
    place = await budget.take("a", 0)
    await budget.take("a", 0)
    waiting = asyncio.create_task(budget.take("b", 0))
    await settled()
    assert not waiting.done()
    budget.give(place)
    await waiting


async def test_who_gives_up_waiting_takes_no_room():
    budget = Budget(10, 1)
    place = await budget.take("a", 1)
    gone, patient = asyncio.create_task(budget.take("a", 1)), asyncio.create_task(budget.take("a", 1))
    await settled()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    budget.give(place)
    await patient
    assert budget.requests == 1


async def test_who_gives_up_just_after_being_admitted_gives_the_room_back():
    budget = Budget(10, 1)
    place = await budget.take("a", 1)
    waiting = asyncio.create_task(budget.take("a", 1))
    await settled()
    budget.give(place)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.requests == 0
    budget.give(await budget.take("a", 10))


@pytest.mark.parametrize(("seconds", "most"), [(1, 32), (30, 10)])
async def test_one_tenant_alone_fills_its_share(seconds: float, most: int):
    budget, taken = Budget(600, 64, 0.5), 0
    while budget.fits("a", seconds):
        await budget.take("a", seconds)
        taken += 1
    assert taken == pytest.approx(most, abs=1)
    assert budget.fits("b", seconds)


async def test_several_that_fill_their_share_leave_room_for_the_next():
    budget = Budget(600, 64, 0.5)
    for tenant in map(str, range(4)):
        assert budget.fits(tenant, 5)
        while budget.fits(tenant, 5):
            await budget.take(tenant, 5)
    assert budget.requests < 64
    assert budget.fits("one more", 5)


async def test_long_texts_lock_nobody_out_and_few_fit_at_once():
    budget, tenants = Budget(600, 64, 0.5), 0
    while budget.fits(str(tenants), 6000):
        await budget.take(str(tenants), 6000)
        assert not budget.fits(str(tenants), 6000), "a second one of the same tenant"
        tenants += 1
        assert budget.fits("other", 5)
    assert tenants == 3


async def test_who_waits_for_its_own_tenant_does_not_make_others_wait():
    budget = Budget(600, 4, 0.5)
    places = [await budget.take("a", 1) for _ in range(2)]
    second = asyncio.create_task(budget.take("a", 1))
    await settled()
    assert not second.done()
    assert budget.fits("b", 1)
    await asyncio.wait_for(budget.take("b", 1), 20)
    assert not second.done()
    for place in places:
        budget.give(place)
    await second


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2000), st.booleans()), max_size=60))
async def test_all_that_is_given_back_leaves_nothing(asked: list[tuple[str, float, bool]]):
    budget, places = Budget(600, 8, 0.5), []
    for tenant, seconds, back in asked:
        if budget.fits(tenant, seconds):
            places.append(await budget.take(tenant, seconds))
        if back and places:
            budget.give(places.pop())
        assert budget.requests == len(places) <= 8
    for place in places:
        budget.give(place)
    assert budget.requests == 0
    assert budget.fits("a", 1e9)
