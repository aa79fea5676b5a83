"""The life of a submission as one table: (state, event) -> state.

Theory of operation. A submission is a state and nothing else decides what may happen to it. The
store enforces the table inside its scripts (`daemons/broker/library.lua` follows it line by line);
the diagram in docs/protocol.md is printed from it. Two rules hold for every change made here:

1. Exactly one final event per generation: the states `DONE` and `CANCELLED` are entered only by
   `FINISH`, `GIVE_UP` and `CANCEL`, and left only by `REJUDGE`, which begins a new generation.
2. Whatever is not final is found again: `QUEUED` has an entry in the queue's index, `COMPILING` and
   `RUNNING` a lease. `RELEASE` and `EXPIRE` bring a submission back when its worker is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from protocol.errors import LocalProtocolError
from protocol.messages import Status


class Step(StrEnum):
    """What can happen to a submission."""

    CLAIM = "claim"  # a worker took it from the queue, with a fresh random token
    COMPILED = "compiled"  # its program is ready to run
    PROGRESS = "progress"  # one more test is done
    FINISH = "finish"  # the worker that holds the token delivers the judgement
    RELEASE = "release"  # that worker gives it back unjudged, because it is stopping
    EXPIRE = "expire"  # that worker's lease ran out: it is gone or cut off
    GIVE_UP = "give_up"  # the third worker died of it: dead letter, internal_error
    CANCEL = "cancel"  # its user does not want it any more
    REJUDGE = "rejudge"  # judge it once more, the history kept


TABLE: dict[tuple[Status, Step], Status] = {
    (Status.QUEUED, Step.CLAIM): Status.COMPILING,
    (Status.QUEUED, Step.CANCEL): Status.CANCELLED,
    (Status.COMPILING, Step.COMPILED): Status.RUNNING,
    (Status.COMPILING, Step.FINISH): Status.DONE,
    (Status.COMPILING, Step.RELEASE): Status.QUEUED,
    (Status.COMPILING, Step.EXPIRE): Status.QUEUED,
    (Status.COMPILING, Step.GIVE_UP): Status.DONE,
    (Status.COMPILING, Step.CANCEL): Status.CANCELLED,
    (Status.RUNNING, Step.PROGRESS): Status.RUNNING,
    (Status.RUNNING, Step.FINISH): Status.DONE,
    (Status.RUNNING, Step.RELEASE): Status.QUEUED,
    (Status.RUNNING, Step.EXPIRE): Status.QUEUED,
    (Status.RUNNING, Step.GIVE_UP): Status.DONE,
    (Status.RUNNING, Step.CANCEL): Status.CANCELLED,
    (Status.DONE, Step.REJUDGE): Status.QUEUED,
    (Status.CANCELLED, Step.REJUDGE): Status.QUEUED,
}

FINAL = frozenset({Status.DONE, Status.CANCELLED})


def after(state: Status, step: Step) -> Status:
    """Return the state that *step* leads to from *state*.

    Raises:
        LocalProtocolError: the table has no such arrow.
    """
    try:
        return TABLE[state, step]
    except KeyError:
        raise LocalProtocolError(f"a {state} submission cannot {step}") from None


def steps(state: Status) -> Iterator[Step]:
    """Yield the steps that *state* allows."""
    return (step for from_, step in TABLE if from_ is state)


def state_diagram() -> str:
    """Return the table as a Mermaid diagram: the one in docs/protocol.md."""
    arrows: dict[tuple[Status, Status], list[Step]] = {}
    for (from_, step), to in TABLE.items():
        arrows.setdefault((from_, to), []).append(step)
    lines = [f"    {from_} --> {to}: {', '.join(why)}" for (from_, to), why in arrows.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> queued: submit", *lines, ""])
