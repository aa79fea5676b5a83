"""Tests of a package: their order, their groups, how each is compared, what samples show."""

import pytest

from judging.checkers.flags import ValidatorFlags, parse_flags
from judging.grading import Outcome
from judging.package import PackageError, load_problem
from judging.verdict import Verdict


def pair(name, content=""):
    """Return the two files of a test."""
    return {f"data/{name}.in": content, f"data/{name}.ans": content}


def absent(*names):
    """Return what removes these tests."""
    return {f"data/{name}{suffix}": None for name in names for suffix in (".in", ".ans")}


def test_tests_come_in_the_order_of_their_names(packages):
    """Samples first; then by name, groups and tests of legacy packages among each other."""
    changes = (
        pair("secret/10") | pair("secret/2") | pair("secret/05-group/b") | pair("secret/05-group/a")
    )
    changes |= pair("secret/05-group/deep/1") | pair("sample/0") | pair("secret/a.b")
    names = [test.name for test in load_problem(packages.legacy(changes)).tests]
    assert names == [
        "sample/0",
        "sample/1",
        "secret/01",
        "secret/05-group/a",
        "secret/05-group/b",
        "secret/05-group/deep/1",
        "secret/10",
        "secret/2",
        "secret/a.b",
    ]


def test_tests_without_samples(packages):
    """A problem need not have samples."""
    problem = load_problem(packages.new(absent("sample/1")))
    assert [test.name for test in problem.tests] == ["secret/01"]
    assert problem.samples == ()


def test_samples_may_be_all_the_tests(packages):
    """Packages in the making have no secret data yet; but no points come of samples."""
    files = packages.new(absent("secret/01"))
    assert [test.name for test in load_problem(files).tests] == ["sample/1"]
    packages.new({"problem.yaml": packages.yaml("type: scoring\n")} | absent("secret/01"))
    with pytest.raises(PackageError, match="secret: expected at least one test to give points"):
        load_problem(files)


def test_groups_of_2025_09_say_how_they_are_compared(packages):
    """Arguments come from the test, else its group, else `secret`."""
    changes = absent("secret/01") | pair("secret/a/1") | pair("secret/a/2") | pair("secret/b/1")
    changes |= {
        "data/secret/test_group.yaml": "output_validator_args: [case_sensitive]\nmax_score: 3\n",
        "data/secret/a/test_group.yaml": 'output_validator_args: [float_tolerance, "1e-3"]\n',
        "data/secret/a/2.yaml": "output_validator_args: []\nhint: look\n",
        "data/sample/test_group.yaml": "full_feedback: true\n",
    }
    problem = load_problem(packages.new(changes))
    assert {test.name: test.validator for test in problem.tests} == {
        "sample/1": ValidatorFlags(),
        "secret/a/1": parse_flags(["float_tolerance", "1e-3"]),
        "secret/a/2": ValidatorFlags(),
        "secret/b/1": parse_flags(["case_sensitive"]),
    }


def test_groups_of_legacy_say_how_they_are_compared(packages):
    """The nearest `testdata.yaml` holds as a whole; the problem's own flags come before it."""
    changes = (
        pair("secret/g/1")
        | pair("secret/h/1")
        | {
            "problem.yaml": "validator_flags: case_sensitive\n",
            "data/testdata.yaml": "output_validator_flags: float_tolerance 1e-3\non_reject: break\n",
            "data/secret/h/testdata.yaml": "on_reject: continue\ngrader_flags: first_error\nrange: 0 1\n",
        }
    )
    near = parse_flags(["case_sensitive", "float_tolerance", "1e-3"])
    assert {test.name: test.validator for test in load_problem(packages.legacy(changes)).tests} == {
        "sample/1": near,
        "secret/01": near,
        "secret/g/1": near,
        "secret/h/1": parse_flags(["case_sensitive"]),
    }


def test_samples_show_what_the_author_wants_shown(packages):
    """`.in.statement`, `.ans.statement` and `.out` stand in for the files that are judged."""
    changes = pair("sample/2", "judged\n") | {
        "data/sample/1.in.statement": "shown in\n",
        "data/sample/1.ans.statement": "shown answer\n",
        "data/sample/2.out": "shown out\n",
    }
    problem = load_problem(packages.new(changes))
    assert [(s.input, s.output) for s in problem.samples] == [
        ("shown in\n", "shown answer\n"),
        ("judged\n", "shown out\n"),
    ]
    assert problem.tests[1].answer.read_text() == "judged\n"


def test_samples_that_are_no_text_are_shown_escaped(packages):
    """A sample of any bytes can be shown."""
    problem = load_problem(packages.new({"data/sample/1.in": b"a\xff\n"}))
    assert problem.samples[0].input == "a\\xff\n"


def test_groups_of_early_drafts_give_points_as_the_legacy_format_does(packages):
    """Two groups worth 50 points, the least of their tests' counts, and either is enough."""
    subtask = "on_reject: break\naccept_score: 50\nrange: 0 50\ngrader_flags: min\n"
    changes = absent("secret/01") | {
        "problem.yaml": packages.yaml("type: scoring\n").replace("2025-09", "2023-07-draft"),
        "data/testdata.yaml": "on_reject: continue\ngrader_flags: ignore_sample\n",
        "data/secret/testdata.yaml": "on_reject: continue\n"
        "grader_flags: first_error accept_if_any_accepted\n",
        "data/secret/one/testdata.yaml": subtask,
        "data/secret/two/testdata.yaml": subtask,
    }
    changes |= pair("secret/one/1") | pair("secret/two/1") | pair("secret/two/2")
    problem = load_problem(packages.new(changes))
    verdicts = [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.WRONG_ANSWER]
    found = problem.grading.total({i: Outcome(verdict) for i, verdict in enumerate(verdicts)})
    assert (found.verdict, found.score) == (Verdict.ACCEPTED, 50.0)
