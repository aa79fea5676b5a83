"""Packages of every kind that need a validator or points, and a judge for them in real boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemons.worker.builds import Builds
from daemons.worker.judge import Means, judge
from daemons.worker.shelf import Shelf
from daemons.worker.toolchains import Toolchain
from judging.package import Problem, load_problem
from protocol.messages import Judgement, SourceFile, SubmissionRequest
from sandbox import Box

HEAD = "problem_format_version: 2025-09\nname: X\nuuid: 00000000-0000-0000-0000-000000000001\n"
#: Two numbers whose sum is the input's; says so to the judges and, politely, to the team.
SUM_VALIDATOR = """\
import sys

total = int(open(sys.argv[1]).read())
assert open(sys.argv[2]).read() == "an answer\\n"
words = sys.stdin.read().split()
if len(words) != 2:
    open(sys.argv[3] + "judgemessage.txt", "w").write(f"{len(words)} words for {total}")
    sys.exit(43)
sys.exit(42 if sum(map(int, words)) == total else 43)
"""


def write_package(folder: Path, files: Mapping[str, str | None], name: str = "x") -> Problem:
    """Write a package with two tests, whose input is a number, and read it."""
    usual = {
        "problem.yaml": HEAD,
        "statement/problem.en.md": "x",
        "data/sample/1.in": "3\n",
        "data/sample/1.ans": "an answer\n",
        "data/secret/1.in": "10\n",
        "data/secret/1.ans": "an answer\n",
    }
    for path, text in (usual | files).items():
        if text is None:
            continue
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return load_problem(folder / name)


@dataclass
class Judge:
    """Judges in one box; *faults* is what the packages did wrong."""

    box: Box
    toolchains: dict[str, Toolchain]
    folder: Path
    faults: list[str] = field(default_factory=list)
    steps: list[object] = field(default_factory=list)

    async def judge(
        self, problem: Problem, code: str | dict[str, str], language: str = "python"
    ) -> Judgement:
        """Judge *code* as a worker does."""
        files = code if isinstance(code, dict) else None
        request = SubmissionRequest(
            problem_id=problem.id,
            user_id="u1",
            language=language,
            code=None if files else code,
            files=tuple(SourceFile(name=n, content=t) for n, t in (files or {}).items()),
            entry=next(iter(files)) if files else None,
        )
        builds = Builds(Shelf(self.folder / "builds", 1 << 30))
        means = Means(
            build=builds.compile,
            toolchains=self.toolchains,
            tell_fault=lambda _, test, reason: self.faults.append(f"{test}: {reason}"),
        )
        toolchain = self.toolchains[language]
        return await judge(
            self.box, problem, toolchain, request, lambda *step: self.steps.append(step), means
        )


def verdicts(judgement: Judgement) -> list[str]:
    """Return the verdicts of the tests that were run."""
    return [test.verdict.value for test in judgement.tests]
