"""Grading: which tests count, and what they come to, in both versions of the format."""

import itertools

import pytest

from judging.checkers.custom import ValidatorFault
from judging.grading import Outcome, PassFail
from judging.package import PackageError, load_problem
from judging.verdict import Total, Verdict

AC, WA, TLE = Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.TIME_LIMIT_EXCEEDED


def outcomes(*verdicts):
    """Number verdicts, or outcomes, as tests; None was not run."""
    return {
        number: each if isinstance(each, Outcome) else Outcome(each)
        for number, each in enumerate(verdicts)
        if each is not None
    }


def files_of(*names):
    """Return the files of tests below `data`."""
    return {f"data/{name}.{kind}": "1\n" for name in names for kind in ("in", "ans")}


def scoring(packages, groups, secret="", sample=("sample/1",)):
    """Load a scoring problem of 2025-09: *groups* of two tests each, with their settings."""
    files = {
        "problem.yaml": packages.yaml("type: scoring\n"),
        "data/secret/01.in": None,
        "data/secret/01.ans": None,
        "data/secret/test_group.yaml": secret,
        **{f"data/secret/{name}/test_group.yaml": text for name, text in groups.items()},
        **files_of(*(f"secret/{name}/{number}" for name in groups for number in (1, 2))),
    }
    return load_problem(packages.new(files)).grading


def test_pass_fail_ends_at_the_first_failure():
    """Nothing behind it is needed, and it decides."""
    grading = PassFail()
    assert grading.needless(1, 4) == {2, 3}
    assert grading.total(outcomes(AC, WA)) == Total(WA, 1, None)
    assert grading.total(outcomes(AC, AC)) == Total(AC, 2, None)


def test_points_add_up_over_groups(packages):
    """Numbers: sample 0, group a 1-2, group b 3-4, each of its tests half of its points."""
    grading = scoring(
        packages, {"a": "max_score: 30\n", "b": "max_score: 70\nscore_aggregation: sum\n"}
    )
    assert grading.total(outcomes(AC, AC, AC, AC, AC)) == Total(AC, 5, 100)
    assert grading.total(outcomes(AC, AC, AC, WA, AC)) == Total(WA, 4, 65)
    assert grading.total(outcomes(AC, WA, None, AC, AC)) == Total(WA, 3, 70)
    assert grading.total(outcomes(WA, AC, AC, AC, AC)) == Total(WA, 4, 100)
    assert grading.needless(0, 5) == frozenset()
    assert grading.needless(1, 5) == {2}
    assert grading.needless(3, 5) == frozenset()


def test_points_need_the_groups_that_they_name(packages):
    """What needs a group that failed is not run and gives nothing, and so is what needs that."""
    grading = scoring(
        packages,
        {
            "a": "max_score: 20\nrequire_pass: sample\n",
            "b": "max_score: 30\nrequire_pass: [secret/a]\n",
            "c": "max_score: 50\nrequire_pass: secret/b\n",
        },
    )
    assert grading.needless(0, 7) == {1, 2, 3, 4, 5, 6}
    assert grading.needless(1, 7) == {2, 3, 4, 5, 6}
    assert grading.needless(4, 7) == {5, 6}
    assert grading.total(outcomes(AC, AC, AC, AC, WA)) == Total(WA, 4, 20)
    assert grading.total(outcomes(WA)) == Total(WA, 0, 0)


def test_points_come_from_the_validator(packages):
    """A multiplier of the test's points, points themselves, or points without bound."""
    bounded = scoring(packages, {"a": "max_score: 100\nscore_aggregation: sum\n"})
    parts = Outcome(AC, multiplier=0.5), Outcome(AC, score=20.0)
    assert bounded.total(outcomes(AC, *parts)).score == 45
    with pytest.raises(ValidatorFault, match="at most 50"):
        bounded.total(outcomes(AC, Outcome(AC, score=51.0), AC))
    free = scoring(
        packages, {"a": "score_aggregation: min\nmax_score: unbounded\n"}, "max_score: unbounded\n"
    )
    assert free.total(outcomes(AC, Outcome(AC, 7.0), Outcome(AC, 5.0))).score == 5
    with pytest.raises(ValidatorFault, match="no points"):
        free.total(outcomes(AC, AC, AC))
    plain = scoring(packages, {"a": "max_score: 100\n"})
    with pytest.raises(ValidatorFault, match="pass-fail"):
        plain.total(outcomes(AC, Outcome(AC, 7.0), AC))


def test_points_of_thirds_are_whole(packages):
    """Rounding takes nothing from who has solved all."""
    files = {
        "problem.yaml": packages.yaml("type: scoring\n"),
        **files_of(*(f"secret/{number}" for number in range(7))),
        "data/secret/01.in": None,
        "data/secret/01.ans": None,
    }
    grading = load_problem(packages.new(files)).grading
    assert grading.total(outcomes(*[AC] * 8)).score == 100
    assert grading.total(outcomes(AC, WA, *[AC] * 6)).score == pytest.approx(600 / 7)


@pytest.mark.parametrize(
    ("groups", "secret", "problem"),
    [
        ({"a": ""}, "", "max_score: missing"),
        ({"a": "max_score: unbounded\n"}, "", "max_score: missing"),
        ({"a": "max_score: 100\nrequire_pass: secret/z\n"}, "", "there is no group secret/z"),
        ({"a": "max_score: -1\n"}, "", "max_score: expected a number >= 0"),
        ({"a": "score_aggregation: max\n"}, "", "score_aggregation: expected"),
    ],
)
def test_wrong_points_refuse_the_package(packages, groups, secret, problem):
    """What contradicts the format is told when the package is read."""
    with pytest.raises(PackageError, match=problem):
        scoring(packages, groups, secret)


def legacy(packages, settings, names, kind="scoring"):
    """Load a legacy problem with these `testdata.yaml` and tests."""
    files = {
        "problem.yaml": f"type: {kind}\n",
        "data/sample/1.in": None,
        "data/sample/1.ans": None,
        "data/secret/01.in": None,
        "data/secret/01.ans": None,
        **files_of(*names),
        **{f"data/{name}testdata.yaml": text for name, text in settings.items()},
    }
    return load_problem(packages.legacy(files)).grading


NAMES = ("sample/1", "secret/a/1", "secret/a/2", "secret/b/1", "secret/b/2")


def test_legacy_groups_give_points_as_their_flags_say(packages):
    """The usual arrangement: the samples count nothing, each group gives its least test's points."""
    settings = {
        "": "on_reject: continue\ngrader_flags: ignore_sample\n",
        "secret/": "on_reject: continue\ngrader_flags: accept_if_any_accepted\n",
        "secret/a/": "grader_flags: min\naccept_score: 30\n",
        "secret/b/": "grader_flags: min\naccept_score: 70\n",
    }
    grading = legacy(packages, settings, NAMES)
    assert grading.needless(0, 5) == frozenset()
    assert grading.needless(1, 5) == {2}
    assert grading.needless(3, 5) == {4}
    assert grading.total(outcomes(AC, AC, AC, AC, AC)) == Total(AC, 5, 100)
    assert grading.total(outcomes(WA, WA, None, AC, AC)) == Total(AC, 2, 70)
    assert grading.total(outcomes(AC, WA, None, TLE)) == Total(TLE, 1, 0)


def test_legacy_default_stops_everything_at_the_first_failure(packages):
    """`on_reject` is break and every failure counts, all the way up."""
    grading = legacy(packages, {}, NAMES, "pass-fail")
    for failed in range(5):
        assert grading.needless(failed, 5) == frozenset(range(failed + 1, 5))
    assert grading.total(outcomes(AC, AC, WA)) == Total(WA, 2, None)


def test_legacy_worst_error_outweighs_the_first(packages):
    """Only where judging goes on behind a failure does it make a difference."""
    worst = legacy(packages, {"": "on_reject: continue\n"}, NAMES, "pass-fail")
    first = legacy(
        packages, {"": "on_reject: continue\ngrader_flags: first_error\n"}, NAMES, "pass-fail"
    )
    assert worst.needless(1, 5) == frozenset()
    assert worst.total(outcomes(AC, WA, AC, TLE, AC)).verdict is TLE
    assert first.total(outcomes(AC, WA, AC, TLE, AC)).verdict is WA


def test_needless_tests_never_change_the_result(packages):
    """Against the slow way: whatever they would have come to, verdict and points are the same."""
    gradings = [
        legacy(packages, {}, NAMES),
        legacy(packages, {"secret/": "on_reject: continue\ngrader_flags: always_accept\n"}, NAMES),
        scoring(packages, {"a": "max_score: 30\n", "b": "max_score: 70\nscore_aggregation: sum\n"}),
        scoring(packages, {"a": "max_score: 30\n", "b": "max_score: 70\nrequire_pass: secret/a\n"}),
        scoring(
            packages, {"a": "max_score: 5\n", "b": "max_score: 5\n"}, "score_aggregation: min\n"
        ),
        PassFail(),
    ]
    for grading, verdicts in itertools.product(gradings, itertools.product((AC, WA), repeat=5)):
        needless = set()
        for number, verdict in enumerate(verdicts):
            if verdict is WA and number not in needless:
                needless |= grading.needless(number, 5)
        run = {n: Outcome(v) for n, v in enumerate(verdicts) if n not in needless}
        assert grading.total(run).score == grading.total(outcomes(*verdicts)).score
        assert grading.total(run).verdict is grading.total(outcomes(*verdicts)).verdict
