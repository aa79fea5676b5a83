"""The problems that Gavel ships: complete, reproducible, and solved by their own solutions.

Here the solutions run bare, without a sandbox. They are ours, so that is safe, and it proves
problems and checker apart from everything else; limits and slow solutions are for
`gavel problems verify`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from judging.checkers import check
from judging.languages import load_languages
from judging.languages.language import SELF
from judging.package import load_problems
from judging.verdict import total, verdict_of

CATALOGUE = load_problems([Path(__file__).parents[2] / "problems"])
PROBLEMS = list(CATALOGUE.values())
LANGUAGES = load_languages()
#: A solution that hangs must not hang the suite; nothing here takes a second.
PATIENCE_S = 60

each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)


def chosen():
    """Yield the solutions that are cheap to judge: all quick ones in Python, right ones in C++."""
    for problem in PROBLEMS:
        for submission in problem.submissions:
            kind = submission.path.parent.name
            quick = ("accepted", "wrong_answer", "run_time_error", "compile_error")
            of_language = {"python": quick, "cpp": ("accepted",)}
            if kind in of_language.get(submission.language, ()):
                yield problem, submission


def tools_of(language):
    """Find a language's tools on this host."""
    tools = {}
    for name, candidates in language.programs.items():
        found = (sys.executable if c == SELF else shutil.which(c) for c in candidates)
        tools[name] = next(filter(None, found))
    return tools


def judge(problem, submission, cwd):
    """Judge a submission as a worker does, but bare; return verdict and the failing test."""
    language = LANGUAGES[submission.language]
    files, entry = problem.sources_of(submission), submission.path.name
    files = {name: text.encode() for name, text in files.items()}
    if problem.function:
        files = language.function.wrap(problem.function, files[entry])
        entry = language.function.entry
    for name, content in files.items():
        (cwd / name).write_bytes(content)
    known = {"tools": tools_of(language), "files": list(files), "entry": entry}
    settings = {"cwd": cwd, "capture_output": True, "timeout": PATIENCE_S}
    env = dict(language.env)
    build = language.command(language.compile, **known)
    built = subprocess.run(build, check=False, env=env | {"PATH": "/usr/bin:/bin"}, **settings)
    if built.returncode:
        return "compile_error", built.stderr
    stack_bytes = language.stack_bytes or problem.limits.memory_bytes
    argv = ["/bin/sh", "-c", f'ulimit -s {stack_bytes // 1024} && exec "$@"', "sh"]
    argv += language.command(language.run, **known, memory_bytes=problem.limits.memory_bytes)
    verdicts = []
    for test in problem.tests:
        given, answer = test.input.read_bytes(), test.answer.read_bytes()
        if problem.function:
            given = problem.function.message(given)
        ended = subprocess.run(argv, check=False, env=env, input=given, **settings)
        if problem.function:
            found = problem.function.check(ended.stdout, answer)
        else:
            found = check(ended.stdout, answer, test.validator)
        status = "runtime_error" if ended.returncode else "ok"
        verdicts.append(verdict_of(status, found.accepted))
        if verdicts[-1] != "accepted":
            return total(verdicts).verdict, f"{test.name}: {found.feedback} {ended.stderr[-500:]}"
    return total(verdicts).verdict, None


def test_all_packages_load():
    """Nothing that we ship is refused."""
    assert not CATALOGUE.errors
    assert {"two-sum", "valid-parentheses", "longest-common-subsequence"} <= set(CATALOGUE)


def test_both_versions_of_the_format_are_shipped():
    """One package is of the old version, so that its way through the code stays in use."""
    texts = [(problem.path / "problem.yaml").read_text() for problem in PROBLEMS]
    assert any("problem_format_version: legacy" in text for text in texts)
    assert any("problem_format_version: 2025-09" in text for text in texts)


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
        assert "## Input" in problem.statement_md
        assert "c" in problem.starter
    size_bytes = sum(file.stat().st_size for file in problem.path.rglob("*") if file.is_file())
    assert size_bytes < 3_000_000


@each_problem
def test_problem_has_solutions_of_every_verdict(problem):
    """Each usual verdict in Python and C++, and right solutions in other languages, too."""
    kinds = {(s.path.parent.name, s.language) for s in problem.submissions}
    usual = ("accepted", "wrong_answer", "time_limit_exceeded", "run_time_error", "compile_error")
    assert {(kind, language) for kind in usual for language in ("python", "cpp")} <= kinds
    others = {language for kind, language in kinds if kind == "accepted"} - {"python", "cpp"}
    assert others >= {"c", "java", "javascript"} or (problem.function and len(others) >= 2)


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


@pytest.mark.parametrize(
    ("problem", "submission"),
    list(chosen()),
    ids=lambda value: getattr(value, "id", None) or f"{value.path.parent.name}/{value.path.name}",
)
def test_solution_gets_its_verdict(problem, submission, tmp_path):
    """Right solutions pass every test, wrong ones fail, crashing ones crash."""
    verdict, why = judge(problem, submission, tmp_path)
    assert verdict in submission.expected, why
