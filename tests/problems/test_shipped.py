"""The problems that Gavel ships: complete, reproducible, and of every kind.

Whether their solutions get their verdicts is for `gavel problems verify`, which the tests of the
command run on each of them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from judging.languages import load_languages
from judging.package import load_problems
from judging.points import PointGrading

CATALOGUE = load_problems([Path(__file__).parents[2] / "problems"])
PROBLEMS = list(CATALOGUE.values())
LANGUAGES = load_languages()
#: A program that hangs must not hang the suite; nothing here takes a second.
PATIENCE_S = 120

each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)


def test_all_packages_load():
    """Nothing that we ship is refused."""
    assert not CATALOGUE.errors
    assert {"two-sum", "valid-parentheses", "longest-common-subsequence"} <= set(CATALOGUE)


def test_both_versions_of_the_format_are_shipped():
    """One package is of the old version, so that its way through the code stays in use."""
    texts = [(problem.path / "problem.yaml").read_text() for problem in PROBLEMS]
    assert any("problem_format_version: legacy" in text for text in texts)
    assert any("problem_format_version: 2025-09" in text for text in texts)


def test_every_kind_of_problem_is_shipped():
    """Who writes a problem finds one of its kind to look at."""
    validators = [problem.output_validator for problem in PROBLEMS if problem.output_validator]
    assert len(PROBLEMS) >= 20
    assert any(problem.function for problem in PROBLEMS)
    assert any(each.interactive for each in validators)
    assert any(each.passes > 1 for each in validators)
    assert {each.program.language for each in validators} >= {"python", "cpp"}
    assert any(isinstance(problem.grading, PointGrading) for problem in PROBLEMS)
    assert any(test.validator.compares_floats for each in PROBLEMS for test in each.tests)
    kinds = {submission.path.parent.name for each in PROBLEMS for submission in each.submissions}
    assert {"memory_limit_exceeded", "output_limit_exceeded"} <= kinds


@each_problem
def test_problem_is_complete(problem):
    """What a reader and a judge expect: statement, samples with reasons, tests, code to begin with."""
    secret = [test for test in problem.tests if not test.sample]
    assert len(problem.samples) >= 2
    assert all(sample.explanation for sample in problem.samples)
    assert len(secret) >= 10
    assert problem.limits.time_given
    assert problem.difficulty
    assert problem.tags
    assert "## Constraints" in problem.statement_md
    assert {"python", "cpp", "java", "javascript"} <= set(problem.starter)
    if problem.function:
        assert {"typescript", "go", "rust"} <= set(problem.starter)
        assert set(problem.starter) == set(problem.languages)
    else:
        talks = problem.output_validator is not None and problem.output_validator.interactive
        assert f"## {'Interaction' if talks else 'Input'}" in problem.statement_md
    size_bytes = sum(file.stat().st_size for file in problem.path.rglob("*") if file.is_file())
    assert size_bytes < 3_000_000


@each_problem
def test_problem_has_solutions_of_every_verdict(problem):
    """Each usual verdict in Python and C++, and right solutions in another language, too."""
    kinds = {(s.path.parent.name, s.language) for s in problem.submissions}
    usual = ("accepted", "wrong_answer", "time_limit_exceeded", "run_time_error", "compile_error")
    assert {(kind, language) for kind in usual for language in ("python", "cpp")} <= kinds
    others = {language for kind, language in kinds if kind == "accepted"} - {"python", "cpp"}
    assert others


def test_functions_are_solved_in_every_language_that_can():
    """All harnesses are in use by what we ship."""
    solved = {
        submission.language
        for problem in PROBLEMS
        if problem.function
        for submission in problem.submissions
        if submission.path.parent.name == "accepted"
    }
    able = {each.id for each in LANGUAGES.values() if each.function and not each.variant_of}
    assert solved == able


@each_problem
def test_input_validator_passes_every_test(problem):
    """No test breaks the constraints that the statement promises."""
    validator = problem.path / "input_validators" / "validate.py"
    for test in problem.tests:
        ended = subprocess.run(
            [sys.executable, validator],
            input=test.input.read_bytes(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert ended.returncode == 42, (test.name, ended.stderr)


@each_problem
def test_input_validator_refuses_rubbish(problem):
    """A validator that passes anything would prove nothing."""
    validator = problem.path / "input_validators" / "validate.py"
    sample = problem.tests[0].input.read_bytes()
    for rubbish in (b"", b"\n", sample[:-1], sample + b"1\n", b" " + sample, b"0\n" + sample):
        ended = subprocess.run(
            [sys.executable, validator],
            input=rubbish,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert ended.returncode != 42, rubbish


@each_problem
def test_generator_makes_the_data_that_is_there(problem, tmp_path):
    """The secret data come from the generator, byte for byte."""
    (tmp_path / "generators").mkdir()
    shutil.copy(problem.path / "generators" / "generate.py", tmp_path / "generators")
    subprocess.run(
        [sys.executable, tmp_path / "generators" / "generate.py"], check=True, timeout=PATIENCE_S
    )
    made, shipped = tmp_path / "data" / "secret", problem.path / "data" / "secret"

    def content(root):
        return {f.relative_to(root): f.read_bytes() for f in root.rglob("*") if f.is_file()}

    assert content(made) == content(shipped)
