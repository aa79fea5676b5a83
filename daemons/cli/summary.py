"""The table at the end of `gavel problems verify`: one row a package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from daemons.cli.verify import Finding
from judging.package import PackageError, Problem


def summarize(
    problems: Sequence[Problem],
    findings: Sequence[Finding],
    errors: Mapping[Path, PackageError],
) -> Table:
    """Return a table of what was found of *problems*, and of the packages that are refused."""
    table = Table(box=None, header_style="bold")
    for column in ("problem", "inputs", "submissions", "slowest accepted", "limit", "result"):
        table.add_column(column)
    for problem in problems:
        own = [each for each in findings if each.submission.startswith(f"{problem.id}/")]
        inputs = [each for each in own if each.is_inputs]
        judged = [each for each in own if not each.is_inputs and each.verdict is not None]
        times = [each.time_s for each in judged if each.verdict == "accepted" and each.time_s]
        wrong = sum(each.wrong for each in own)
        table.add_row(
            problem.id,
            (inputs[0].verdict if inputs else None) or "not checked",
            f"{len(judged)} of {len(own) - len(inputs)} judged",
            f"{max(times):.3f} s" if times else "",
            f"{problem.limits.time_s:g} s",
            f"{wrong} WRONG" if wrong else "ok",
        )
    for path in errors:
        table.add_row(path.name, "", "", "", "", "REFUSED")
    return table


def count(findings: Sequence[Finding]) -> str:
    """Return the last line: how many were looked at, and how many are not what they should be."""
    submissions = [each for each in findings if not each.is_inputs]
    wrong = sum(each.wrong for each in submissions)
    skipped = sum(each.verdict is None for each in submissions)
    refused = sum(each.wrong for each in findings) - wrong
    line = f"{len(submissions)} submissions, {wrong} wrong, {skipped} not judged here"
    return f"{line}; inputs of {refused} problems refused" if refused else line
