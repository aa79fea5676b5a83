"""Which tests of a submission need be run, and what their results come to: pass-fail and scoring.

A `Grading` decides both from the numbers of tests in judging order. The tree of groups that a
scoring problem has is `judging.points` (format 2025-09) or `judging.graders` (legacy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from judging.verdict import Total, Verdict, total


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test.

    Attributes:
        verdict: of this test alone.
        score: the points that the validator gave, if it gave any.
        multiplier: the part of the test's points that it gave, if it gave one.
    """

    verdict: Verdict
    score: float | None = None
    multiplier: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the test passed."""
        return self.verdict is Verdict.ACCEPTED


class Grading(Protocol):
    """How a problem turns results of tests into one."""

    def needless(self, failed: int, count: int, /) -> frozenset[int]:
        """Return which of *count* tests need not be run any more, now that *failed* has failed.

        Whatever makes a test needless makes all needless that this one would have made so.
        """

    def total(self, outcomes: Mapping[int, Outcome]) -> Total:
        """Return what the tests that were run come to.

        Raises:
            ValidatorFault: the validator gave points that the problem does not allow.
        """


class PassFail:
    """Accepted if every test is; nothing is run behind the first failure. There are no points."""

    def needless(self, failed: int, count: int, /) -> frozenset[int]:
        """Return all tests behind *failed*."""
        return frozenset(range(failed + 1, count))

    def total(self, outcomes: Mapping[int, Outcome]) -> Total:
        """Return the first failure in judging order, or that there was none."""
        return total(outcomes[number].verdict for number in sorted(outcomes))
