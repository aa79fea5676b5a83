"""Named moments at which a test may have this process die, or stand still.

The windows that matter are microseconds wide: between the pop and the claim, between the store's
answer and ours. A random kill hardly ever hits them, so they have names. Nothing happens unless
``GAVEL_CRASH_AT`` (SIGKILL) or ``GAVEL_STALL_AT`` (SIGSTOP) is set, to ``NAME=PROBABILITY`` items
with commas between; ``GAVEL_CRASH_SEED`` makes the choice repeatable per process, and where
``GAVEL_CRASH_WHILE`` names a file, nothing happens unless it exists.

Or one at a time: ``GAVEL_CRASH_TICKETS`` is a folder, and who first reaches a moment takes the file
``NAME.SIGKILL`` or ``NAME.SIGSTOP`` in it, by adding his pid to its name, and gets that signal.

========================= ====================================================================
``api.before_submit``     the request is checked, nothing is written
``api.after_submit``      the submission is in the store, its sender has no answer
``worker.popped``         the hint has left the list, nobody has claimed it
``worker.claimed``        the claim is in the store, nothing runs
``worker.running``        a test of the submission has been told
``worker.judged``         the judgement is made, the store does not know it
``worker.finished``       the store has it, the worker forgets it
========================= ====================================================================
"""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress


def _plan(variable: str) -> dict[str, float]:
    items = filter(None, os.environ.get(variable, "").split(","))
    return {name: float(chance) for name, _, chance in (item.partition("=") for item in items)}


_PLANS = {
    number: plan
    for number, variable in ((signal.SIGKILL, "GAVEL_CRASH_AT"), (signal.SIGSTOP, "GAVEL_STALL_AT"))
    if (plan := _plan(variable))
}
_random = random.Random(f"{os.environ.get('GAVEL_CRASH_SEED', '')}:{os.getpid()}")
_WHILE = os.environ.get("GAVEL_CRASH_WHILE", "/")
_TICKETS = os.environ.get("GAVEL_CRASH_TICKETS", "")


def reach(point: str) -> None:
    """Say that the moment *point* is now; the process may not live to see the next."""
    if _TICKETS:
        _take_ticket(point)
    for number, plan in _PLANS.items():
        if _random.random() < plan.get(point, 0.0) and os.access(_WHILE, os.F_OK):
            os.kill(os.getpid(), number)


def _take_ticket(point: str) -> None:
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with suppress(FileNotFoundError):
            ticket = f"{_TICKETS}/{point}.{number.name}"
            os.rename(ticket, f"{ticket}.{os.getpid()}")  # noqa: PTH104 - one system call, no more
            os.kill(os.getpid(), number)
