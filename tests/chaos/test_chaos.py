"""Nothing is lost while everything dies: a minute of what `make chaos` does for ten.

That such a round finds what a missing guard lets through, the controls of `make faults` show.
"""

from __future__ import annotations

import secrets

from tests.chaos.run import Plan, run_chaos


def test_chaos_loses_nothing_and_judges_once() -> None:
    """Every 202 ends in one final event, and every user was told exactly the history."""
    outcome = run_chaos(Plan(seconds=60, seed=secrets.token_hex(4)))
    print(outcome.table())
    assert outcome.wrong == [], f"{outcome.table()}\n{outcome.log}"
    assert sum(outcome.faults.values()) > 10
