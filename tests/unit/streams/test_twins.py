"""Twins are told from rebalances, however many and quick."""

from streams.agents.twins import JOINS, SECONDS, Twins


def test_joins_into_one_generation_again_and_again_are_a_twins() -> None:
    twins = Twins(clock=lambda: 0.0)
    assert [twins.joined(7) for _ in range(JOINS)] == [False] * (JOINS - 1) + [True]


def test_rebalances_are_none_however_quick() -> None:
    twins = Twins(clock=lambda: 0.0)
    assert not any(twins.joined(generation) for generation in range(50))
    twins = Twins(clock=lambda: 0.0)
    assert not any(twins.joined(generation) for generation in (1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7) * 3)


def test_nor_are_joins_into_an_old_generation_now_and_then() -> None:
    now = 0.0
    twins = Twins(clock=lambda: now)
    for _ in range(20):
        assert not twins.joined(7)
        now += SECONDS / (JOINS - 1)
