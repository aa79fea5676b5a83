"""The check on foreign packages fails where it must: a wrong verdict, a package lost, a stale line."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from daemons.cli.verify import Finding
from tests.foreign.expectation import Expectation, read_expectation, tell
from tests.foreign.sources import unpack_packages

EXPECTED = Expectation(
    refused={"empty": "no tests"},
    skipped={"a/submissions/*/*.off": "none of ours"},
    verdicts={"a/submissions/accepted/slow.*": ["time_limit_exceeded"]},
)
SKIPPED = ("a/submissions/accepted/x.off", None, "none of ours")
SLOW = ("a/submissions/accepted/slow.py", "time_limit_exceeded", None)


def find(name: str, verdict: str | None, note: str | None = None, **more: object) -> Finding:
    """Return what came of a submission that should be accepted."""
    return Finding(
        submission=name, language="python", expected=("accepted",), verdict=verdict,
        time_s=None, note=note, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def test_expected_findings_are_not_reported() -> None:
    """What the folders and the table say is right, and so is a language without tools."""
    rest = [("a/submissions/accepted/x.py", "accepted"), ("a/x.cob", None, "no tools for cobol")]
    assert list(EXPECTED.wrong_findings(find(*each) for each in [SKIPPED, SLOW, *rest])) == []


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (find("a/submissions/accepted/x.py", "wrong_answer"), "wrong_answer, not ('accepted',)"),
        (
            find("a/x.py", "accepted", score=3.0, expected_score=(4.0, 5.0)),
            "accepted with 3 points, not ('accepted',)",
        ),
        (find("a/x.py", None, "not UTF-8"), "not judged: not UTF-8"),
        (find("a/submissions/accepted/y.off", None, "not UTF-8"), "not judged: not UTF-8"),
        (find("a/submissions/accepted/slow.c", "accepted"), "not ['time_limit_exceeded']"),
    ],
)
def test_other_findings_are_reported(finding: Finding, told: str) -> None:
    """A verdict, a number of points or a gap that nobody has said."""
    [report] = EXPECTED.wrong_findings([find(*SKIPPED), find(*SLOW), finding])
    assert report.startswith(finding.submission)
    assert told in report


def test_line_that_fits_nothing_is_reported() -> None:
    """An exception that is not needed any more hides the next defect."""
    reports = list(EXPECTED.wrong_findings([]))
    assert [report.split()[0] for report in reports] == sorted(
        [*EXPECTED.skipped, *EXPECTED.verdicts]
    )


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ({}, ["empty is not refused any more"]),
        ({"empty": "no tests"}, []),
        ({"empty": "bad name"}, ["empty is refused for another reason: bad name"]),
        ({"empty": "no tests", "b": "bad"}, ["b is refused: bad"]),
    ],
)
def test_refused_packages_are_compared(refused: dict[str, str], told: list[str]) -> None:
    """A package that loads today and not tomorrow is a defect, and so is the reverse."""
    assert list(EXPECTED.wrong_packages(refused)) == told


def test_shipped_table_is_read() -> None:
    """It names packages of both tools."""
    tools = {name.partition("-")[0] for name in read_expectation().refused}
    assert tools == {"bapctools", "problemtools"}


def test_count_names_what_was_not_judged() -> None:
    """Submissions in languages that the host lacks are counted as that, not as passed."""
    assert tell([find(*SKIPPED), find(*SLOW), find(*SLOW)]) == (
        "3 submissions: 2 time_limit_exceeded, 1 not judged here"
    )


def archive(folder: Path, name: str, files: dict[str, str]) -> None:
    """Write sources with *files* as a tool's author does."""
    with tarfile.open(folder / f"{name}-1.tar.gz", "w:gz") as tar:
        for path, text in files.items():
            about = tarfile.TarInfo(f"{name}-1/{path}")
            about.size = len(text)
            tar.addfile(about, io.BytesIO(text.encode()))


def test_packages_are_found_in_sources(tmp_path: Path) -> None:
    """They are named after their tool; settings that BAPCtools would write are written."""
    generators = "test_group.yaml: {output_validator_args: [case_sensitive]}\n"
    archive(
        tmp_path,
        "bapctools",
        {
            "test/problems/a/problem.yaml": "name: A\n",
            "test/problems/a/data/sample/1.in": "",
            "test/problems/a/generators/generators.yaml": generators,
            "test/problems/notes/readme.md": "",
        },
    )
    archive(
        tmp_path,
        "problemtools",
        {"examples/a/problem.yaml": "name: A\n", "tests/data/problems/b/problem.yaml": ""},
    )
    packages = unpack_packages(tmp_path, tmp_path / "problems")
    names = ["bapctools-a", "problemtools-a", "problemtools-b"]
    assert [path.name for path in packages] == names
    settings = (packages[0] / "data" / "test_group.yaml").read_text()
    assert settings == "output_validator_args:\n- case_sensitive\n"


def test_missing_sources_are_an_error(tmp_path: Path) -> None:
    """Nothing to judge is not the same as nothing wrong."""
    with pytest.raises(FileNotFoundError, match="sources of bapctools"):
        unpack_packages(tmp_path, tmp_path / "problems")
