"""Reference submissions: their language, and the verdicts that they may get."""

import pytest

from judging.package import load_problem
from judging.verdict import Verdict

CRASHES = ("runtime_error", "memory_limit_exceeded", "output_limit_exceeded")
TOO_SLOW = ("time_limit_exceeded", "idle_limit_exceeded")


def submissions(package):
    """Return a package's submissions by path."""
    problem = load_problem(package)
    top = package / "submissions"
    return {s.path.relative_to(top).as_posix(): s for s in problem.submissions}


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("accepted", ("accepted",)),
        ("wrong_answer", ("wrong_answer",)),
        ("time_limit_exceeded", TOO_SLOW),
        ("run_time_error", CRASHES),
        ("rejected", ("wrong_answer", *TOO_SLOW, *CRASHES)),
        ("brute_force", (*CRASHES, *TOO_SLOW)),
        ("compile_error", ("compile_error",)),
        ("compiler_error", ("compile_error",)),
        ("memory_limit_exceeded", ("memory_limit_exceeded",)),
        ("output_limit_exceeded", ("output_limit_exceeded",)),
        ("idle_limit_exceeded", ("idle_limit_exceeded",)),
        ("mixed", ("accepted", "wrong_answer", *TOO_SLOW, *CRASHES)),
    ],
)
def test_directories_say_what_is_expected(packages, directory, expected):
    """Each directory of the format stands for verdicts; an unknown one promises nothing."""
    package = packages.new({f"submissions/{directory}/a.py": ""})
    found = submissions(package)[f"{directory}/a.py"].expected
    assert sorted(found) == sorted(expected)
    assert set(found) <= {v.value for v in Verdict}


def test_too_slow_in_legacy_may_be_wrong_first(packages):
    """The old text allows a slow solution wrong answers, and the first failure decides."""
    package = packages.legacy({"submissions/time_limit_exceeded/a.py": ""})
    expected = submissions(package)["time_limit_exceeded/a.py"].expected
    assert sorted(expected) == sorted(("wrong_answer", *TOO_SLOW))


def test_submissions_yaml_overrides_the_directory(packages):
    """Globs match files and directories; what they say replaces the default."""
    package = packages.new(
        {
            "submissions/submissions.yaml": """
                time_limit_exceeded: {permitted: [AC, WA, TLE]}
                "accepted/*.{txt,dat}": {language: python3, entrypoint: main.py, authors: A}
                mixed/b*:
                  permitted: [AC, RTE]
                  required: [RTE]
                  secret/1: {permitted: [AC]}
                  sample: {permitted: [AC]}
                """,
            "submissions/time_limit_exceeded/a.py": "",
            "submissions/accepted/x.txt": "",
            "submissions/accepted/y.dat": "",
            "submissions/accepted/z.cpp": "",
            "submissions/mixed/b.py": "",
            "submissions/mixed/c.py": "",
        }
    )
    found = submissions(package)
    assert len(found) == 6
    assert sorted(found["time_limit_exceeded/a.py"].expected) == sorted(("wrong_answer", *TOO_SLOW))
    for name in ("accepted/x.txt", "accepted/y.dat"):
        assert (found[name].language, found[name].entry) == ("python", "main.py")
        assert found[name].expected == ("accepted",)
    assert found["accepted/z.cpp"].language == "cpp"
    assert sorted(found["mixed/b.py"].expected) == sorted(CRASHES)
    assert "accepted" in found["mixed/c.py"].expected


def test_language_of_a_submission_is_that_of_its_files(packages):
    """One language for all files of a directory; several, or none of ours, is no language."""
    package = packages.new(
        {
            "submissions/accepted/dir/main.py": "import x\n",
            "submissions/accepted/dir/x.py": "",
            "submissions/accepted/dir/data.txt": "",
            "submissions/accepted/both/main.py": "",
            "submissions/accepted/both/main.c": "",
            "submissions/accepted/a.xyz": "",
            "submissions/accepted/old.py": "#!/usr/bin/env python2\nprint 1\n",
            "submissions/accepted/new.py": "#!/usr/bin/env python3\nprint(1)\n",
            "submissions/accepted/rules.pl": "% Prolog\nmain :-\n    write(1), nl.\n",
            "submissions/accepted/goal.pl": ":- initialization(main).\n",
            "submissions/accepted/script.pl": "print $x ?1:-1;\n",
        }
    )
    languages = {name: s.language for name, s in submissions(package).items()}
    assert languages == {
        "accepted/dir": "python",
        "accepted/both": None,
        "accepted/a.xyz": None,
        "accepted/old.py": None,
        "accepted/new.py": "python",
        "accepted/rules.pl": None,
        "accepted/goal.pl": None,
        "accepted/script.pl": "perl",
    }


def test_sources_of_fills_in_constants(packages):
    """A submission's files come by name, with the package's constants in place."""
    package = packages.new(
        {
            "problem.yaml": packages.yaml("constants: {top: 7}\n"),
            "submissions/accepted/dir/main.py": "print({{top}}, {{other}})\n",
            "submissions/accepted/dir/.hidden": "",
            "submissions/accepted/one.py": "print({{top}})\n",
        }
    )
    problem = load_problem(package)
    directory, single = problem.submissions
    assert problem.sources_of(directory) == {"main.py": "print(7, {{other}})\n"}
    assert problem.sources_of(single) == {"one.py": "print(7)\n"}
