"""Nothing is lost while everything dies; and without a guard, the same round finds what is lost."""

from __future__ import annotations

import secrets

import pytest

from tests.chaos.run import Plan, run_chaos


def test_chaos_loses_nothing_and_judges_once() -> None:
    """Every 202 ends in one final event, and every user was told exactly the history."""
    outcome = run_chaos(Plan(seconds=30, seed=secrets.token_hex(4)))
    print(outcome.table())
    assert outcome.wrong == [], f"{outcome.table()}\n{outcome.log}"
    assert sum(outcome.faults.values()) > 10


@pytest.mark.parametrize(
    ("sabotage", "finds", "crash", "stall"),
    [
        ("repair", "still queued", {"worker.popped": 0.2}, {}),
        ("token", "2 final events", {}, {"worker.judged": 0.15}),
        ("append", "told but not in the history", {}, {}),
    ],
)
def test_chaos_finds_what_a_missing_guard_lets_through(
    sabotage: str, finds: str, crash: dict[str, float], stall: dict[str, float]
) -> None:
    """The control: with one guard taken out, the round fails, and for that guard's reason."""
    plan = Plan(
        seconds=10, seed=secrets.token_hex(4), sabotage=sabotage, settle_s=8.0,
        random_faults=False, crash=crash, stall=stall,
    )  # fmt: skip
    outcome = run_chaos(plan)
    assert any(finds in line for line in outcome.wrong), f"{outcome.table()}\n{outcome.wrong}"
