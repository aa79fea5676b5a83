"""Nothing is lost while everything dies; and without a guard, the same round finds what is lost."""

from __future__ import annotations

import secrets

import pytest

from tests.chaos.run import Plan, run_chaos

#: On a machine that stands still meanwhile a control may miss; so many times in a row it does not.
ROUNDS = 3


def test_chaos_loses_nothing_and_judges_once() -> None:
    """Every 202 ends in one final event, and every user was told exactly the history."""
    outcome = run_chaos(Plan(seconds=60, seed=secrets.token_hex(4)))
    print(outcome.table())
    assert outcome.wrong == [], f"{outcome.table()}\n{outcome.log}"
    assert sum(outcome.faults.values()) > 10


@pytest.mark.parametrize(
    ("sabotage", "finds", "seconds", "crash", "stall"),
    [
        # Two of five hints die with their worker, and nothing brings one back.
        ("repair", "still queued", 8, {"worker.popped": 0.4}, {}),
        # Whoever has judged stands still until somebody else has judged it too, and goes on.
        ("token", "final events of", 10, {}, {"worker.judged": 1.0}),
        # A user's newest event is never in his history.
        ("append", "told but not in the history", 3, {}, {}),
    ],
)
def test_chaos_finds_what_a_missing_guard_lets_through(
    sabotage: str, finds: str, seconds: int, crash: dict[str, float], stall: dict[str, float]
) -> None:
    """The control: with one guard taken out, the round fails, and for that guard's reason."""
    for _ in range(ROUNDS):
        plan = Plan(
            seconds=seconds, seed=secrets.token_hex(4), sabotage=sabotage, still_s=3.0,
            random_faults=False, crash=crash, stall=stall,
        )  # fmt: skip
        outcome = run_chaos(plan)
        if any(finds in line for line in outcome.wrong):
            return
    pytest.fail(f"{ROUNDS} rounds found nothing\n{outcome.table()}\n{outcome.wrong}")
