"""When a dead process is started again: pure functions of what has happened and of `now`.

A process that dies is started again after a delay that doubles with each failure in a row and falls
back to the first once it has been healthy for a while. More deaths than `intensity` within
`period_s` is a limit: then the delay is the longest one (*hold*: the rest goes on serving), or the
whole tree stops (*escalate*). A process that says that its configuration is wrong (exit code 78) is
not started again at all until somebody asks: nothing would be different. Neither is a *temporary*
one, nor a *transient* one that ended well.

Vocabulary from OTP (restart types, intensity, period) and systemd (exit codes).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from daemons.config import EXIT_CONFIG, LimitAction, RestartType

#: Delays are spread by this share, so that processes that died together do not return together.
JITTER = 0.3
FACTOR = 2.0


class Policy(NamedTuple):
    """The limits for one daemon, from ``[supervisor]``."""

    intensity: int = 5
    period_s: float = 30.0
    initial_s: float = 0.2
    longest_s: float = 30.0
    reset_s: float = 60.0
    on_limit: LimitAction = "hold"
    restart: RestartType = "permanent"


class Deaths(NamedTuple):
    """What is remembered of the past."""

    #: When processes of the daemon died, within the last period, oldest first.
    at: tuple[float, ...] = ()
    #: Failures of this place since it was last healthy.
    in_a_row: int = 0


class DeathBook:
    """When processes of one daemon died: the limit is the daemon's, so its places share a book."""

    def __init__(self) -> None:
        self.at: tuple[float, ...] = ()


class Action(Enum):
    """What to do about a death."""

    RESTART = "backoff"
    HOLD = "held"
    GIVE_UP = "failed"
    LEAVE = "ended"
    ESCALATE = "escalated"


class Decision(NamedTuple):
    """An action, and after how long; None = not until somebody asks."""

    action: Action
    delay_s: float | None


def judge_death(
    deaths: Deaths, policy: Policy, *, now: float, healthy_s: float, code: int, chance: float
) -> tuple[Deaths, Decision]:
    """Return the new memory and what to do.

    Args:
        deaths: the memory so far.
        policy: the limits.
        now: when it died.
        healthy_s: for how long it had been ready; 0 if it never was.
        code: its exit code, negative for a signal.
        chance: a random number in [0, 1) that spreads the delay.
    """
    recent = tuple(at for at in deaths.at if now - at < policy.period_s)
    in_a_row = 0 if healthy_s >= policy.reset_s else deaths.in_a_row
    memory = Deaths((*recent, now), in_a_row + 1)
    if code == EXIT_CONFIG:
        return memory, Decision(Action.GIVE_UP, None)
    if policy.restart == "temporary" or (policy.restart == "transient" and code == 0):
        return memory, Decision(Action.LEAVE, None)
    if len(memory.at) > policy.intensity:
        if policy.on_limit == "escalate":
            return memory, Decision(Action.ESCALATE, None)
        return memory, Decision(Action.HOLD, policy.longest_s * _spread(chance))
    return memory, Decision(Action.RESTART, backoff_s(in_a_row, policy) * _spread(chance))


def backoff_s(failures: int, policy: Policy) -> float:
    """Return the delay before the next start, after *failures* earlier ones in a row."""
    # Past 64 doublings the power overflows, and the longest delay has long been reached.
    return min(policy.longest_s, policy.initial_s * FACTOR ** min(failures, 64))


def _spread(chance: float) -> float:
    return 1.0 - JITTER / 2 + JITTER * chance
