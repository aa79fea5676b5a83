"""`gavel problems`: what is offered, and whether each package keeps its word in the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from daemons.cli.scaffold import KINDS, write_package

ROOT = Path(__file__).parents[3]
GAVEL = Path(sys.prefix) / "bin" / "gavel"
SHIPPED = sorted(path.name for path in (ROOT / "problems").iterdir())
#: Some at once: to find all languages and to open boxes takes longer than a short package.
BATCHES = [SHIPPED[start : start + 5] for start in range(0, len(SHIPPED), 5)]
VERIFY_S = 1200.0


def gavel(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `gavel problems` with the configuration of *folder*."""
    return subprocess.run(
        [str(GAVEL), "problems", *args, "--config", str(folder / "supervisor.toml")],
        text=True, capture_output=True, timeout=VERIFY_S, check=False,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a configuration and room for packages."""
    (tmp_path / "problems").mkdir()
    (tmp_path / "supervisor.toml").write_text("")
    return tmp_path


def copy_two_sum(folder: Path) -> Path:
    """Put two-sum without its submissions into *folder*."""
    package = folder / "problems" / "two-sum"
    shutil.copytree(ROOT / "problems" / "two-sum", package)
    shutil.rmtree(package / "submissions")
    return package


def test_problems_list_and_show_tell_of_the_shipped_ones() -> None:
    """`list` names every package with its limits, `show` gives statement and samples."""
    listed = json.loads(gavel(ROOT, "list", "--json").stdout)
    shown = json.loads(gavel(ROOT, "show", "two-sum", "--json").stdout)
    assert "two-sum" in [problem["id"] for problem in listed]
    assert all(problem["tests"] >= 10 for problem in listed)
    assert shown["samples"][0]["output"].strip()
    assert "target" in shown["statement_md"]
    assert "Two Sum" in gavel(ROOT, "show", "two-sum").stdout


@pytest.mark.parametrize("packages", BATCHES, ids=",".join)
def test_problems_verify_finds_every_shipped_verdict_as_expected(packages: list[str]) -> None:
    """Each reference submission of each shipped package gets a verdict that its folder names."""
    done = gavel(ROOT, "verify", *packages, "--json")
    findings = json.loads(done.stdout)
    assert [each for each in findings if each["verdict"] not in each["expected"]] == []
    count = Counter(each["submission"].partition("/")[0] for each in findings)
    assert sorted(count) == packages
    assert min(count.values()) >= 6
    assert done.returncode == 0


def test_problems_verify_of_one_package_tells_of_no_other(folder: Path) -> None:
    """Whoever names a package gets the findings of that one, and 0 if all are as expected."""
    for name in ("one", "other"):
        write_package(folder / "problems" / name, "pass-fail")
    done = gavel(folder, "verify", "one", "--json")
    assert done.returncode == 0, done.stdout
    assert {each["submission"].split("/")[0] for each in json.loads(done.stdout)} == {"one"}


def test_problems_verify_fails_on_another_verdict(folder: Path) -> None:
    """A submission that is not what its folder says is named, and the exit code is 1."""
    accepted = copy_two_sum(folder) / "submissions" / "accepted"
    accepted.mkdir(parents=True)
    (accepted / "nothing.py").write_text("print(0)")
    done = gavel(folder, "verify")
    assert done.returncode == 1
    assert "WRONG two-sum/submissions/accepted/nothing.py: wrong_answer" in done.stdout
    assert "1 submissions, 1 wrong" in done.stdout


def test_problems_verify_compiles_a_submission_once(folder: Path) -> None:
    """What a worker of the same configuration compiled is used, and kept for it."""
    accepted = copy_two_sum(folder) / "submissions" / "accepted"
    accepted.mkdir(parents=True)
    shutil.copy(ROOT / "problems/two-sum/submissions/accepted/sorted.c", accepted)
    assert gavel(folder, "verify").returncode == 0
    [kept] = (folder / "var/cache/builds").iterdir()
    os.utime(kept, (0, 0))
    assert gavel(folder, "verify").returncode == 0
    assert [kept] == list((folder / "var/cache/builds").iterdir())
    assert kept.stat().st_mtime > 0  # using an entry sets its time


def test_problems_tell_why_a_package_is_refused(folder: Path) -> None:
    """A broken package is named with its file, by `list` and by its own name."""
    (copy_two_sum(folder) / "problem.yaml").write_text("name: [")
    assert "problem.yaml" in gavel(folder, "list").stderr
    done = gavel(folder, "show", "two-sum")
    assert done.returncode == 2
    assert "problem.yaml" in done.stderr


def test_problems_name_what_there_is_instead_of_an_unknown_one() -> None:
    """An unknown id is a usage error that lists the known ones."""
    done = gavel(ROOT, "show", "no-such")
    assert done.returncode == 2
    assert "two-sum" in done.stderr


def test_problems_new_makes_a_package_of_each_kind_that_verifies(folder: Path) -> None:
    """Each has a right and a wrong submission, and both get what their folders say."""
    for kind in KINDS:
        made = subprocess.run(
            [str(GAVEL), "problems", "new", str(folder / "problems" / kind), "--kind", kind],
            text=True, capture_output=True, timeout=VERIFY_S, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    done = gavel(folder, "verify", "--json")
    found = json.loads(done.stdout)
    names = [each["submission"] for each in found]
    checked = {each["submission"] for each in found if each["verdict"] == "valid"}
    findings = {name.partition("/submissions/") for name in names if "/submissions/" in name}
    assert done.returncode == 0, done.stdout
    assert {kind for kind, _, _ in findings} == set(KINDS)
    assert len(findings) == 2 * len(KINDS)
    assert checked == {f"{kind}/input_validators" for kind in KINDS}


def test_problems_verify_tells_wrong_points_and_broken_validators(folder: Path) -> None:
    """Points are checked as verdicts are; a package at fault is named with the reason."""
    for kind in ("scoring", "validator"):
        write_package(folder / "problems" / kind, kind)
    rules = folder / "problems/scoring/submissions/submissions.yaml"
    rules.write_text(rules.read_text().replace("score: 40", "score: 50"))
    (folder / "problems/validator/output_validator/validate.py").write_text(
        "raise KeyError('deep')"
    )
    done = gavel(folder, "verify")
    assert done.returncode == 1
    assert "wrong_answer, 40 points; expected " in done.stdout
    assert "with 50 to 50 points" in done.stdout
    assert (
        "internal_error; expected accepted (sample/1: output validator: exit code 1" in done.stdout
    )
    assert "KeyError: 'deep'" in done.stdout


INPUT_VALIDATOR = """\
import sys

most = int(sys.argv[1])
words = sys.stdin.read().split()
if not all(-most <= int(word) <= most for word in words):
    sys.exit(f"more than {most}")
sys.exit(42)
"""


def test_problems_verify_shows_inputs_to_their_validators(folder: Path) -> None:
    """Each test's, with the arguments of its group; what is refused is named with the reason."""
    package = folder / "problems" / "inputs"
    write_package(package, "pass-fail")
    numbers = sorted((package / "data").rglob("*.in"))
    validators = package / "input_validators"
    validators.mkdir(exist_ok=True)
    for old in validators.iterdir():
        old.unlink()
    (validators / "limits.py").write_text(INPUT_VALIDATOR)
    (package / "data" / "test_group.yaml").write_text("input_validator_args: ['1000000000']\n")
    invalid = package / "data" / "invalid_input"
    invalid.mkdir()
    (invalid / "large.in").write_text("1000000001\n")
    done = gavel(folder, "verify")
    assert done.returncode == 0, done.stdout
    assert "ok    inputs/input_validators: valid" in done.stdout
    assert ["inputs", "valid"] in [line.split()[:2] for line in done.stdout.splitlines()]

    (package / "data/secret/test_group.yaml").write_text("input_validator_args: {limits: ['-1']}\n")
    (invalid / "small.in").write_text("1\n")
    done = gavel(folder, "verify")
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if "WRONG inputs/input_validators" in line)
    secret = [path for path in numbers if path.parent.name == "secret"]
    for path in secret:
        reason = "limits.py: exit code 1, and not 42: more than -1"
        assert f"{path.relative_to(package)}: {reason}" in line
    assert "data/sample/" not in line
    assert "data/invalid_input/small.in: no input validator refuses it" in line
    assert "invalid_input/large.in" not in line
    assert "; inputs of 1 problems refused" in done.stdout


def test_problems_verify_says_why_inputs_were_not_checked(folder: Path) -> None:
    """A validator in a language that we have not is no reason to refuse a package, or to be silent."""
    package = folder / "problems" / "inputs"
    write_package(package, "pass-fail")
    (package / "input_validators").mkdir(exist_ok=True)
    (package / "input_validators" / "check.viva").write_text("x; [1 <= x]\n")
    done = gavel(folder, "verify")
    assert done.returncode == 0, done.stdout
    assert "check.viva: its language is not clear, or none of ours" in done.stdout
    assert "not checked" in done.stdout


def test_problems_verify_judges_no_submission_that_is_not_text(folder: Path) -> None:
    """Submissions are text, so a package's own that is not is told of, and keeps no other away."""
    accepted = copy_two_sum(folder) / "submissions" / "accepted"
    accepted.mkdir(parents=True)
    (accepted / "latin.py").write_bytes(b"# caf\xe9\nprint(0)\n")
    done = gavel(folder, "verify")
    assert done.returncode == 0, done.stderr
    assert "latin.py: not all of its files are text in UTF-8" in done.stdout
    assert "1 submissions, 0 wrong, 1 not judged here" in done.stdout
