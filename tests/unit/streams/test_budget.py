"""The budget: a bound that is kept, in the order of asking."""

import asyncio

import pytest

from streams.agents.budget import Budget


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_admits_up_to_its_seconds_and_in_the_order_of_asking():
    budget, admitted = Budget(10, 100), []

    async def take(name: str, seconds: float) -> None:
        await budget.take(seconds)
        admitted.append(name)

    tasks = [asyncio.create_task(take(name, seconds)) for name, seconds in (("a", 6), ("b", 6), ("c", 1))]
    await settled()
    assert admitted == ["a"], "c would fit, but b asked first"
    budget.give(6)
    await settled()
    assert admitted == ["a", "b", "c"]
    await asyncio.gather(*tasks)


async def test_one_item_larger_than_everything_is_admitted_alone():
    budget = Budget(10, 100)
    await budget.take(1000)
    waiting = asyncio.create_task(budget.take(1))
    await settled()
    assert not waiting.done()
    budget.give(1000)
    await waiting


async def test_bounds_requests_too():
    budget = Budget(10, 2)
    await budget.take(0)
    await budget.take(0)
    waiting = asyncio.create_task(budget.take(0))
    await settled()
    assert not waiting.done()
    budget.give(0)
    await waiting


async def test_who_gives_up_waiting_takes_no_room():
    budget = Budget(10, 1)
    await budget.take(1)
    gone, patient = asyncio.create_task(budget.take(1)), asyncio.create_task(budget.take(1))
    await settled()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    budget.give(1)
    await patient
    assert budget.requests == 1


async def test_who_gives_up_just_after_being_admitted_gives_the_room_back():
    budget = Budget(10, 1)
    await budget.take(1)
    waiting = asyncio.create_task(budget.take(1))
    await settled()
    budget.give(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (budget.requests, budget.seconds) == (0, 0)
