"""Grading in the legacy format: a tree of groups, each with the flags of the default grader.

Source: problem package format, legacy, "Test Data Groups" and "Default Grader Specification".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from judging.grading import Outcome
from judging.verdict import Total, Verdict

_WORST = (
    Verdict.INTERNAL_ERROR,
    Verdict.RUNTIME_ERROR,
    Verdict.MEMORY_LIMIT_EXCEEDED,
    Verdict.TIME_LIMIT_EXCEEDED,
    Verdict.IDLE_LIMIT_EXCEEDED,
    Verdict.OUTPUT_LIMIT_EXCEEDED,
    Verdict.WRONG_ANSWER,
)
_SCORES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": lambda scores: sum(scores) / len(scores),
    "min": min,
    "max": max,
}
_VERDICTS = frozenset({"worst_error", "first_error", "always_accept"})
_SWITCHES = frozenset({"ignore_sample", "accept_if_any_accepted"})
FLAGS = _VERDICTS | _SWITCHES | _SCORES.keys()


@dataclass(frozen=True, slots=True)
class Grader:
    """How the results in one group are put together; the last of conflicting flags counts.

    Attributes:
        flags: of the default grader.
        stops: whether a failure ends the group (`on_reject: break`).
        accept_score: points of a passed test to which the validator gave none.
        reject_score: points of a failed one.
    """

    flags: tuple[str, ...] = ()
    stops: bool = True
    accept_score: float = 1.0
    reject_score: float = 0.0

    @property
    def verdict_mode(self) -> str:
        """How verdicts are put together."""
        return next((flag for flag in reversed(self.flags) if flag in _VERDICTS), "worst_error")

    @property
    def rejects(self) -> bool:
        """Whether one failure makes the whole group fail."""
        return self.verdict_mode != "always_accept" and "accept_if_any_accepted" not in self.flags

    def put_together(self, results: Sequence[tuple[Verdict, float]]) -> tuple[Verdict, float]:
        """Return verdict and points of a group from those of what is in it."""
        mode = next((flag for flag in reversed(self.flags) if flag in _SCORES), "sum")
        score = _SCORES[mode]([score for _, score in results]) if results else 0.0
        return self._verdict([verdict for verdict, _ in results]), score

    def _verdict(self, verdicts: Sequence[Verdict]) -> Verdict:
        failures = [verdict for verdict in verdicts if verdict is not Verdict.ACCEPTED]
        if Verdict.INTERNAL_ERROR in failures:
            return Verdict.INTERNAL_ERROR
        any_accepted = "accept_if_any_accepted" in self.flags and len(failures) < len(verdicts)
        if not failures or any_accepted or self.verdict_mode == "always_accept":
            return Verdict.ACCEPTED
        return (
            failures[0] if self.verdict_mode == "first_error" else min(failures, key=_WORST.index)
        )


PLAIN = Grader()


@dataclass(frozen=True, slots=True)
class Group:
    """A directory of tests: numbers of tests and groups in it, in judging order."""

    grader: Grader
    items: tuple[Group | int, ...]

    def tests(self) -> list[int]:
        """Return the numbers of all tests in it and below."""
        return [
            number
            for item in self.items
            for number in ([item] if isinstance(item, int) else item.tests())
        ]


@dataclass(frozen=True, slots=True)
class LegacyGrading:
    """The grading of a whole package: `data` with `sample` and `secret` in it.

    Attributes:
        root: the group of the directory `data`; its items are `sample`, should it have tests, and
            `secret`.
        scoring: whether the result has points.
    """

    root: Group
    scoring: bool

    @property
    def _ignores_sample(self) -> bool:
        return "ignore_sample" in self.root.grader.flags

    def needless(self, failed: int, _count: int, /) -> frozenset[int]:
        """Return what is behind *failed* in its group, and in those that fail with it."""
        behind = self._behind(self.root, failed)[1]
        return frozenset(behind)

    def _behind(self, group: Group, failed: int) -> tuple[bool, list[int]]:
        """Return whether *group* fails as well, and what need not be run in it."""
        for place, item in enumerate(group.items):
            tests = [item] if isinstance(item, int) else item.tests()
            if failed not in tests:
                continue
            fails, behind = (True, []) if isinstance(item, int) else self._behind(item, failed)
            ignored = group is self.root and self._ignores_sample
            if not fails or ignored:
                return False, behind
            if group.grader.stops:
                for later in group.items[place + 1 :]:
                    behind += [later] if isinstance(later, int) else later.tests()
            return group.grader.rejects, behind
        return False, []

    def total(self, outcomes: Mapping[int, Outcome]) -> Total:
        """Return what the graders of all groups make of the results."""
        root = self.root
        if self._ignores_sample and len(root.items) > 1:
            root = Group(root.grader, root.items[-1:])
        verdict, score = self._grade(root, outcomes) or (Verdict.ACCEPTED, 0.0)
        if any(outcome.verdict is Verdict.INTERNAL_ERROR for outcome in outcomes.values()):
            verdict = Verdict.INTERNAL_ERROR
        passed = sum(outcome.accepted for outcome in outcomes.values())
        if not self.scoring:
            return Total(verdict, passed)
        return Total(verdict, passed, score if verdict is Verdict.ACCEPTED else 0.0)

    def _grade(self, group: Group, outcomes: Mapping[int, Outcome]) -> tuple[Verdict, float] | None:
        """Return verdict and points of *group*; None if nothing in it was run."""
        results = []
        for item in group.items:
            if isinstance(item, Group):
                result = self._grade(item, outcomes)
            elif (outcome := outcomes.get(item)) is not None:
                result = outcome.verdict, _points(outcome, group.grader)
            else:
                result = None
            if result is not None:
                results.append(result)
        return group.grader.put_together(results) if results else None


def _points(outcome: Outcome, grader: Grader) -> float:
    if outcome.score is not None:
        return outcome.score
    return grader.accept_score if outcome.accepted else grader.reject_score
