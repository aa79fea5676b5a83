"""When a dead process is started again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemons.supervisor.policy import (
    Action,
    Deaths,
    Decision,
    Policy,
    backoff_s,
    judge_death,
)

POLICY = Policy(intensity=5, period_s=30, initial_s=0.2, longest_s=30, reset_s=60)


def die(
    times: list[float], policy: Policy = POLICY, *, healthy_s: float = 0.0, code: int = 1
) -> list[Decision]:
    """Return the decisions on deaths at *times*, with the delays in the middle of their spread."""
    deaths, decisions = Deaths(), []
    for now in times:
        deaths, decision = judge_death(
            deaths, policy, now=now, healthy_s=healthy_s, code=code, chance=0.5
        )
        decisions.append(decision)
    return decisions


def test_policy_doubles_the_delay_with_each_failure() -> None:
    """The wait before a restart doubles with each failure in a row."""
    delays = [decision.delay_s for decision in die([0, 31, 62, 93])]

    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6])


def test_policy_never_waits_longer_than_the_longest() -> None:
    """The wait has an upper bound, however often a process has failed."""
    assert backoff_s(8, POLICY) == 30
    assert backoff_s(10**9, POLICY) == 30


def test_policy_forgets_failures_after_a_healthy_time() -> None:
    """A process that was healthy for long starts again after the first, short wait."""
    memory = Deaths(at=(), in_a_row=7)

    after, decision = judge_death(memory, POLICY, now=500, healthy_s=60, code=1, chance=0.5)

    assert decision == Decision(Action.RESTART, 0.2)
    assert after.in_a_row == 1


def test_policy_holds_at_its_limit() -> None:
    """More deaths in the period than allowed: tried again after the longest wait only."""
    decisions = die([0, 1, 2, 3, 4, 5])

    assert [decision.action for decision in decisions] == [Action.RESTART] * 5 + [Action.HOLD]
    assert decisions[-1].delay_s == 30


def test_policy_counts_only_deaths_of_the_period() -> None:
    """Deaths that are longer ago than the period count no more."""
    decisions = die([0, 10, 20, 30, 40, 50, 60, 70])

    assert {decision.action for decision in decisions} == {Action.RESTART}


def test_policy_escalates_when_told_to() -> None:
    """With on_limit = "escalate" the limit stops everything instead."""
    decisions = die([0, 1, 2, 3, 4, 5], POLICY._replace(on_limit="escalate"))

    assert decisions[-1] == Decision(Action.ESCALATE, None)


def test_policy_gives_up_on_a_wrong_configuration() -> None:
    """Exit code 78 is not tried again: nothing would be different."""
    assert die([0], code=78) == [Decision(Action.GIVE_UP, None)]


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_policy_spreads_delays_by_a_share(failures: int, chance: float) -> None:
    """Processes that died together return at different times, near the planned one."""
    memory = Deaths(at=(), in_a_row=failures)

    _, decision = judge_death(memory, POLICY, now=0, healthy_s=0, code=-9, chance=chance)

    assert decision.delay_s is not None
    assert 0.849 < decision.delay_s / backoff_s(failures, POLICY) < 1.151


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_policy_memory_stays_small(gaps: list[float]) -> None:
    """However often a process dies, only the deaths of one period are remembered."""
    deaths, now = Deaths(), 0.0
    for gap in gaps:
        now += gap
        deaths, _ = judge_death(deaths, POLICY, now=now, healthy_s=0, code=1, chance=0)
        assert all(now - at < POLICY.period_s for at in deaths.at)
