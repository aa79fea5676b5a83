"""From how runs ended to a verdict: of one test, and of the whole submission.

Which verdict a run gets is decided here and nowhere else; the sandbox reports what happened, the
checker whether the output was right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a judged submission, or one test of it, ended.

    The same values as `protocol.messages.Verdict`, which judging may not import.
    """

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    TIME_LIMIT_EXCEEDED = "time_limit_exceeded"
    IDLE_LIMIT_EXCEEDED = "idle_limit_exceeded"
    MEMORY_LIMIT_EXCEEDED = "memory_limit_exceeded"
    OUTPUT_LIMIT_EXCEEDED = "output_limit_exceeded"
    RUNTIME_ERROR = "runtime_error"
    COMPILE_ERROR = "compile_error"
    INTERNAL_ERROR = "internal_error"


#: How a run that did not end well is judged; its output is not looked at.
_OF_STATUS = {
    "time_limit": Verdict.TIME_LIMIT_EXCEEDED,
    "idle_limit": Verdict.IDLE_LIMIT_EXCEEDED,
    "memory_limit": Verdict.MEMORY_LIMIT_EXCEEDED,
    "output_limit": Verdict.OUTPUT_LIMIT_EXCEEDED,
    "runtime_error": Verdict.RUNTIME_ERROR,
    "compile_error": Verdict.COMPILE_ERROR,
    "internal_error": Verdict.INTERNAL_ERROR,
}


@dataclass(frozen=True, slots=True)
class Total:
    """What the tests' verdicts come to. Pass-fail problems give no score."""

    verdict: Verdict
    tests_passed: int
    score: float | None = None


def verdict_of(run_status: str, accepted: bool | None) -> Verdict:
    """Return the verdict of one run.

    Args:
        run_status: what the sandbox says; all but "ok" decide alone.
        accepted: what the checker says of the output of an "ok" run; None if there is nothing to
            compare with, so that having ended well is enough.

    Raises:
        ValueError: the sandbox has no such status. It is our mistake, never the program's.
    """
    if run_status == "ok":
        return Verdict.WRONG_ANSWER if accepted is False else Verdict.ACCEPTED
    try:
        return _OF_STATUS[run_status]
    except KeyError:
        raise ValueError(f"unknown run status {run_status!r}") from None


def total(verdicts: Iterable[str]) -> Total:
    """Return the verdict of a pass-fail submission from those of its tests, in judging order.

    Judging stops at the first test that is not accepted, and that one decides. Were later tests
    judged all the same, an internal error among them outweighs: such a result is to be judged
    anew, not believed.

    Raises:
        ValueError: there are none; a problem without tests is never loaded.
    """
    seen = [Verdict(verdict) for verdict in verdicts]
    if not seen:
        raise ValueError("no test was judged")
    failures = [verdict for verdict in seen if verdict is not Verdict.ACCEPTED]
    passed = len(seen) - len(failures)
    if Verdict.INTERNAL_ERROR in failures:
        return Total(Verdict.INTERNAL_ERROR, passed)
    return Total(failures[0] if failures else Verdict.ACCEPTED, passed)
