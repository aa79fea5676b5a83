"""Packages: both versions of the format, and what is refused."""

import re

import pytest

from judging.checkers.flags import ValidatorFlags
from judging.package import PROBLEM_ID, PackageError, load_problem
from protocol.forms import SLUG


def test_problem_id_is_the_slug_of_the_protocol():
    """Judging may not import the protocol, so the two patterns are kept equal here."""
    assert SLUG.startswith(f"^{PROBLEM_ID.pattern}$")


def test_load_problem_reads_2025_09(packages):
    """A small package of the new version, with everything that it may say."""
    path = packages.new(
        {
            "problem.yaml": """
                problem_format_version: 2025-09
                type: [pass-fail]
                name: {de: Widerhall, en: Echo}
                uuid: 00000000-0000-0000-0000-000000000000
                version: 1.0
                credits: {authors: [A <a@b.example>]}
                source: [{name: X, url: "https://x.example"}]
                license: cc0
                rights_owner: A
                keywords: [easy, strings]
                languages: [python3, cpp, ada]
                allow_file_writing: false
                limits:
                  time_limit: 2.5
                  time_multipliers: {ac_to_time_limit: 2}
                  memory: 64
                  output: 1
                  code: 10
                  compilation_time: 3
                constants: {top: 100, who: {value: you, GERMAN: du}}
                """,
            "statement/problem.en.md": "Up to {{top}}, *{{who}}*, {{who.GERMAN}}, {{other}}.\n",
            "statement/problem.de.md": "Nein.\n",
            "gavel.yaml": "difficulty: hard\nexplanations:\n  '1': It is so.\n",
            "attachments/starter.py": "pass\n",
            "attachments/starter.cc": "int main() {}\n",
            "attachments/starter.txt": "no language\n",
        }
    )
    problem = load_problem(path)
    assert (problem.id, problem.title, problem.difficulty) == ("echo", "Echo", "hard")
    assert problem.tags == ("easy", "strings")
    assert problem.languages == ("cpp", "cpp17", "cpp23", "pypy", "python")
    assert problem.statement_md == "Up to 100, *you*, du, {{other}}.\n"
    assert problem.statement_html == "<p>Up to 100, <em>you</em>, du, {{other}}.</p>\n"
    limits = problem.limits
    assert (limits.time_s, limits.time_given, limits.memory_bytes) == (2.5, True, 64 * 2**20)
    assert (limits.output_bytes, limits.code_bytes) == (2**20, 10 * 2**10)
    assert limits.wall_s > limits.time_s
    assert [test.name for test in problem.tests] == ["sample/1", "secret/01"]
    assert [test.sample for test in problem.tests] == [True, False]
    assert problem.tests[1].input.read_text() == "b\n"
    [sample] = problem.samples
    assert (sample.name, sample.input, sample.output) == ("sample/1", "a\n", "a\n")
    assert sample.explanation == "It is so."
    python, cpp = "pass\n", "int main() {}\n"
    starter = {"python": python, "pypy": python, "cpp": cpp, "cpp17": cpp, "cpp23": cpp}
    assert problem.starter == starter
    assert problem.validator == ValidatorFlags()
    assert problem.path == path


def test_load_problem_reads_legacy(packages):
    """A small package of the old version, with everything that it may say."""
    path = packages.legacy(
        {
            "problem.yaml": """
                problem_format_version: legacy
                type: pass-fail
                name: Echo
                uuid: x
                author: A and B
                source: C
                source_url: https://c.example
                license: cc by-sa
                rights_owner: D
                limits: {time_multiplier: 5, time_safety_margin: 2, memory: 32, validation_time: 1}
                validation: default
                validator_flags: float_tolerance 1e-4 case_sensitive
                keywords: one two
                """,
        }
    )
    problem = load_problem(path)
    assert (problem.title, problem.tags, problem.difficulty) == ("Echo", ("one", "two"), None)
    assert problem.statement_html == "<p>Repeat it.</p>\n"
    assert problem.limits.memory_bytes == 32 * 2**20
    flags = ValidatorFlags(True, False, 1e-4, 1e-4)
    assert problem.validator == flags
    assert {test.validator for test in problem.tests} == {flags}
    assert not problem.limits.time_given


@pytest.mark.parametrize(
    ("files", "time_s"),
    [
        ({"problem.yaml": "limits: {time_limit: 3}\n"}, 3.0),
        ({"domjudge-problem.ini": "short-name = x\ntimelimit='4.5'\n"}, 4.5),
        ({".timelimit": "7\n"}, 7.0),
        ({}, 5.0),
    ],
)
def test_load_problem_finds_a_legacy_time_limit(packages, files, time_s):
    """Legacy has no key for it, so where other judges keep it is looked at."""
    limits = load_problem(packages.legacy(files)).limits
    assert (limits.time_s, limits.time_given) == (time_s, bool(files))


def test_load_problem_names_a_nameless_problem_by_its_id(packages):
    """Legacy does not ask for a name."""
    assert load_problem(packages.legacy({"problem.yaml": ""})).title == "echo"


REFUSED_BOTH = [
    ("type: submit-answer\n", "type: submit-answer is not supported"),
    ("type: guess\n", "type: expected some of pass-fail, scoring"),
    ("type: [pass-fail, scoring]\n", "type: pass-fail and scoring exclude each other"),
    ("languages: algol68\n", "languages: none of algol68 is supported"),
    ("limits: {memory: -1}\n", "limits.memory: expected a number > 0"),
    ("limits: {memroy: 1}\n", "limits.memroy: unknown key; did you mean memory?"),
    ("limits: 3\n", "limits: expected a mapping"),
    ("keyword: x\n", "keyword: unknown key; did you mean keywords?"),
]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        *REFUSED_BOTH,
        ("embargo_until: 2999-01-01\n", "embargo_until: is not supported"),
        ("constants: {a-b: 1}\n", "constants.a-b: expected a name"),
        ("constants: {a: [1]}\n", "constants.a: expected a number or a string"),
        ("constants: {a: {ROMAN: I}}\n", "constants.a: expected a value beside"),
        ("constants: {a: {value: 1, ROMAN: [I]}}\n", "constants.a.ROMAN: expected a number"),
        ("validation: default\n", "validation: unknown key"),
        ("keywords: one two\n", "keywords: expected a list"),
    ],
)
def test_load_problem_refuses_2025_09(packages, more, problem):
    """What can't be judged, and what the format does not know, is refused with file, line and key."""
    path = packages.new({"problem.yaml": packages.yaml(more)})
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        load_problem(path)
    assert (raised.value.file, raised.value.line) == (path / "problem.yaml", 4)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        *REFUSED_BOTH,
        ("validation: default interactive\n", "validation: expected default, or custom with"),
        ("validation: costum\n", "validation: expected default, or custom with"),
        ("problem_format_version: 2031-01\n", "expected 2025-09, legacy or legacy-icpc"),
        ("name: 2048\n", "name: expected a string"),
    ],
)
def test_load_problem_refuses_legacy(packages, more, problem):
    """The same for the old version."""
    path = packages.legacy({"problem.yaml": more})
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        load_problem(path)
    assert (raised.value.file, raised.value.line) == (path / "problem.yaml", 1)


@pytest.mark.parametrize(
    ("changes", "file", "problem"),
    [
        ({"problem.yaml": None}, "problem.yaml", "missing"),
        (
            {"problem.yaml": "problem_format_version: 2025-09\nname: X\n"},
            "problem.yaml",
            "uuid: missing",
        ),
        ({"statement/problem.en.md": None}, "statement", "expected a statement"),
        ({"statement/problem.en.md": b"\xff"}, "statement/problem.en.md", "not UTF-8"),
        (
            {"statement/problem.en.md": "{{nextsample}}{{nextsample}}"},
            "statement/problem.en.md",
            "there are only 1 samples",
        ),
        ({"data/secret/01.ans": None}, "data/secret/01.ans", "01.in needs its answer"),
        ({"data/secret/01.in": None}, "data/secret/01.ans", "has no 01.in beside it"),
        (
            {
                f"data/{name}": None
                for name in ("secret/01.in", "secret/01.ans", "sample/1.in", "sample/1.ans")
            },
            "data/secret",
            "expected at least one test",
        ),
        ({"data/secret/01.files/x/y": ""}, "data/secret/01.files/x", "folders in .files"),
        ({"data/secret/02.files/x": ""}, "data/secret/02.files", "has no 02.in beside it"),
        (
            {"data/secret/g/1.in": "", "data/secret/g/1.ans": ""},
            "data/secret",
            "both tests and groups",
        ),
        (
            {"output_validator/validate.txt": ""},
            "output_validator",
            "its language is not clear",
        ),
        (
            {"output_validator/v.py": "", "output_validator/w.cc": ""},
            "output_validator",
            "expected a program in one language, found cpp, python",
        ),
        (
            {"output_validators/v/validate.cc": "", "output_validators/w/validate.cc": ""},
            "output_validators",
            "holds several programs",
        ),
        (
            {"output_validator/v/w/validate.cc": ""},
            "output_validator/v/w",
            "directories of sources",
        ),
        (
            {"static_validator/v.py": ""},
            "static_validator",
            "static validators are not supported",
        ),
        ({"include/default/x/y.h": ""}, "include/default/x", "directories of sources"),
        ({"gavel.yaml": "output_validator: x\n"}, "gavel.yaml", "expected one of format, testlib"),
        (
            {"gavel.yaml": "difficulty: brutal\n"},
            "gavel.yaml",
            "difficulty: expected one of easy, medium, hard",
        ),
        ({"gavel.yaml": "colour: red\n"}, "gavel.yaml", "colour: unknown key"),
        (
            {"data/secret/test_group.yaml": "static_validation_score: pass-fail\n"},
            "data/secret/test_group.yaml",
            "static validators are not supported",
        ),
        (
            {"data/secret/test_group.yaml": "output_validator_args: [exact]\n"},
            "data/secret/test_group.yaml",
            "expected one of case_sensitive",
        ),
        (
            {"data/secret/01.yaml": "output_validator_args: [exact]\n"},
            "data/secret/01.yaml",
            "expected one of case_sensitive",
        ),
        (
            {"data/secret/01.yaml": "hnit: x\n"},
            "data/secret/01.yaml",
            "hnit: unknown key; did you mean hint?",
        ),
        (
            {"submissions/submissions.yaml": "accepted: {permitted: [OK]}\n"},
            "submissions/submissions.yaml",
            "accepted.permitted: expected some of AC, WA",
        ),
    ],
)
def test_load_problem_names_the_file_at_fault(packages, changes, file, problem):
    """Nothing is half loaded: the first thing that is wrong refuses the package."""
    path = packages.new(changes)
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        load_problem(path)
    assert raised.value.file == path / file


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("grading: custom\n", "grading: custom graders are not supported"),
        ("grader_flags: median\n", "grader_flags: expected some of"),
        ("on_reject: stop\n", "on_reject: expected break or continue"),
        ("accept_score: ten\n", "accept_score: expected a number"),
        ("output_validator_flags: exact\n", "expected one of case_sensitive"),
        ("on_rejct: break\n", "on_rejct: unknown key; did you mean on_reject?"),
    ],
)
def test_load_problem_refuses_legacy_groups(packages, text, problem):
    """A group that asks for another way of grading is refused."""
    path = packages.legacy({"data/secret/testdata.yaml": text})
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        load_problem(path)
    assert raised.value.file == path / "data/secret/testdata.yaml"


def test_load_problem_refuses_a_name_that_is_no_id(packages):
    """The directory's name becomes part of addresses and keys."""
    with pytest.raises(PackageError, match="can't be a problem id"):
        load_problem(packages.new(name="a problem"))


def test_load_problem_of_no_directory_is_a_package_error(tmp_path):
    """What is not there is refused like anything else."""
    with pytest.raises(PackageError, match="missing"):
        load_problem(tmp_path / "absent")


def test_load_problem_refuses_a_test_that_links_out_of_the_package(packages, tmp_path):
    """A link must not make a file of the host a test."""
    path = packages.new({"data/secret/01.ans": None})
    (tmp_path / "outside").write_text("b\n")
    (path / "data/secret/01.ans").symlink_to(tmp_path / "outside")
    with pytest.raises(PackageError, match="link out of the package"):
        load_problem(path)


def test_load_problem_passes_over_hidden_and_foreign_files(packages):
    """Files whose names the format does not allow are as good as not there."""
    changes = {
        "data/secret/.02.in": "",
        "data/secret/-3.in": "",
        "data/secret/4 (copy).in": "",
        "data/secret/README.txt": "",
        "data/secret/01.png": b"\x89PNG",
        "output_validator/.gitkeep": "",
        "submissions/accepted/.hidden.py": "",
    }
    problem = load_problem(packages.new(changes))
    assert [test.name for test in problem.tests] == ["sample/1", "secret/01"]
    assert problem.submissions == ()


def test_version_changes_with_the_content_alone(packages):
    """The same files are the same version wherever they lie; any change is another."""
    first = load_problem(packages.new(name="one")).version
    assert load_problem(packages.new(name="two")).version == first
    changed = load_problem(packages.new({"data/secret/01.ans": "B\n"}, name="two")).version
    moved = {
        "data/secret/01.in": None,
        "data/secret/01.ans": None,
        "data/secret/02.in": "b\n",
        "data/secret/02.ans": "b\n",
    }
    renamed = load_problem(packages.new(moved, name="three")).version
    assert len({first, changed, renamed}) == 3
    assert load_problem(packages.new({".git/x": "y"}, name="four")).version == first


def test_load_problem_reads_a_function(packages):
    """Its languages are those with a harness, which have starter code; the author's own wins."""
    files = {
        "function.yaml": 'signature: "twice(n: int) -> int"\n',
        "data/sample/1.in": "1\n",
        "data/sample/1.ans": "2\n",
        "data/secret/01.in": "5\n",
        "data/secret/01.ans": "10\n",
        "attachments/starter.js": "function twice(n) { return n + n; }\n",
    }
    problem = load_problem(packages.new(files))
    assert problem.function.name == "twice"
    assert {"python", "cpp", "cpp17", "go", "rust"} <= set(problem.languages)
    assert "c" not in problem.languages
    assert "def twice(self, n: int) -> int:" in problem.starter["python"]
    assert "n + n" in problem.starter["javascript"]
    for name in ("data/secret/01.in", "data/secret/01.ans"):
        with pytest.raises(PackageError, match=r"does not fit function\.yaml"):
            load_problem(packages.new(files | {name: '"x"\n'}))
