"""Grading of scoring problems in format 2025-09: points of tests, groups and the submission.

Source: problem package format 2025-09, "Scoring problems".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from judging.checkers.custom import ValidatorFault
from judging.grading import Outcome
from judging.verdict import Total, Verdict, total

PASS_FAIL, SUM, MIN = "pass-fail", "sum", "min"
#: What rounding may add to a sum of points.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PointGroup:
    """`secret` or a group of tests in it.

    Attributes:
        name: the path below `data`.
        tests: the numbers of its tests.
        aggregation: `PASS_FAIL`, `SUM` or `MIN`.
        max_score: the most points that it may give; None if there is no bound.
        require_pass: the names of groups without whose passing it gives no points.
    """

    name: str
    tests: tuple[int, ...]
    aggregation: str
    max_score: float | None
    require_pass: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PointGrading:
    """The grading of a whole package.

    Attributes:
        sample: the numbers of the sample tests, which give no points.
        secret: all secret tests; where there are groups, only its rules count.
        groups: the groups in `secret`; empty if it has tests itself.
    """

    sample: tuple[int, ...]
    secret: PointGroup
    groups: tuple[PointGroup, ...]

    def needless(self, failed: int, count: int, /) -> frozenset[int]:
        """Return the tests that can't change the points any more."""
        if failed in self.sample:
            return frozenset(self._waiting_for({"sample"}))
        if self.secret.aggregation == PASS_FAIL:
            return frozenset(range(failed + 1, count))
        if not self.groups:
            stops = self.secret.aggregation == MIN
            return frozenset(number for number in self.secret.tests if stops and number > failed)
        group = next(group for group in self.groups if failed in group.tests)
        if group.aggregation == SUM:
            return frozenset()
        behind = {number for number in group.tests if number > failed}
        return frozenset(behind | self._waiting_for({group.name}))

    def _waiting_for(self, failed: set[str]) -> set[int]:
        """Return the tests of all groups that need one of *failed*, or one that needs those."""
        waiting: set[int] = set()
        if failed.intersection(self.secret.require_pass):
            waiting.update(self.secret.tests)
        for group in self.groups:
            if failed.intersection(group.require_pass):
                failed = failed | {group.name}
                waiting.update(group.tests)
        return waiting

    def total(self, outcomes: Mapping[int, Outcome]) -> Total:
        """Return the points, and accepted if every test that there is passed.

        Raises:
            ValidatorFault: the validator gave points that the group does not allow.
        """
        found = total(outcomes[number].verdict for number in sorted(outcomes))
        if found.verdict is Verdict.INTERNAL_ERROR:
            return found
        parts = {group.name: self._score(group, outcomes) for group in self.groups}
        score = self._whole(parts, outcomes)
        return Total(found.verdict, found.tests_passed, score)

    def _whole(self, parts: Mapping[str, float], outcomes: Mapping[int, Outcome]) -> float:
        if not self._may_count(self.secret, outcomes):
            return 0.0
        if not self.groups:
            return self._score(self.secret, outcomes)
        if self.secret.aggregation == PASS_FAIL:
            passed = self._passed(self.secret.tests, outcomes)
            return self.secret.max_score or 0.0 if passed else 0.0
        scores = list(parts.values())
        return self._bounded(
            self.secret, sum(scores) if self.secret.aggregation == SUM else min(scores)
        )

    def _score(self, group: PointGroup, outcomes: Mapping[int, Outcome]) -> float:
        if not self._may_count(group, outcomes):
            return 0.0
        if group.aggregation == PASS_FAIL:
            points = [outcomes[number] for number in group.tests if number in outcomes]
            if any(each.score is not None or each.multiplier is not None for each in points):
                raise ValidatorFault(
                    f"it gave points to a test of {group.name}, which is pass-fail"
                )
            return (group.max_score or 0.0) if self._passed(group.tests, outcomes) else 0.0
        most = group.max_score
        if most is not None and group.aggregation == SUM:
            most /= len(group.tests)
        score_of = partial(_score_of, outcomes, most, group)
        scores = [score_of(number) for number in group.tests]
        return self._bounded(group, sum(scores) if group.aggregation == SUM else min(scores))

    def _bounded(self, group: PointGroup, score: float) -> float:
        most = group.max_score
        if most is not None and score > most * (1 + _ROUNDING) + _ROUNDING:
            raise ValidatorFault(f"{score:g} points for {group.name}, at most {most:g} are allowed")
        # Thirds of a hundred add up to a little less or more than a hundred.
        return most if most is not None and abs(score - most) <= _ROUNDING * max(1, most) else score

    def _may_count(self, group: PointGroup, outcomes: Mapping[int, Outcome]) -> bool:
        needed = set(group.require_pass)
        tests = list(self.sample) if "sample" in needed else []
        for other in self.groups:
            if other.name in needed:
                tests += other.tests
        return self._passed(tests, outcomes)

    def _passed(self, tests: Sequence[int], outcomes: Mapping[int, Outcome]) -> bool:
        return all(number in outcomes and outcomes[number].accepted for number in tests)


def _score_of(
    outcomes: Mapping[int, Outcome], most: float | None, group: PointGroup, number: int
) -> float:
    outcome = outcomes.get(number)
    if outcome is None or not outcome.accepted:
        return 0.0
    if most is None:
        if outcome.score is None or outcome.score < 0:
            raise ValidatorFault(f"it gave no points to a test of {group.name}, which has no bound")
        return outcome.score
    if outcome.multiplier is not None:
        if outcome.multiplier < 0:
            raise ValidatorFault("it gave less than no points")
        return outcome.multiplier * most
    if outcome.score is None:
        return most
    if not 0 <= outcome.score <= most * (1 + _ROUNDING):
        raise ValidatorFault(f"{outcome.score:g} points for a test that gives at most {most:g}")
    return outcome.score
