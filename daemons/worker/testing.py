"""One test of one submission: run the program, in as many passes as it takes, and check its output.

Expected outputs never enter the program's box. The default validator compares here; a package's own
runs in a box of its own, after the program or, in interactive problems, beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from daemons.worker.conversation import converse
from daemons.worker.programs import Program
from daemons.worker.timing import Timed, Timing
from daemons.worker.validators import Validator, close_all
from judging.checkers.custom import ANSWER, INPUT, OUTPUT, Finding, ValidatorFault
from judging.checkers.default import check
from judging.grading import Outcome
from judging.package import Problem, TestCase
from judging.verdict import Verdict as TestVerdict
from judging.verdict import verdict_of
from protocol import codec
from protocol.messages import TestResult, Text, Verdict
from sandbox import Box, Limits, RunStatus

T = TypeVar("T")

#: Reading or comparing more than this holds up everything else, so a thread does it.
_LARGE_BYTES = 1 << 20

#: Told what a package has done wrong: the name of the test, and why.
TellFault = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of one test: for the user, and for the grading."""

    # pytest must not take it for a test class.
    __test__ = False

    result: TestResult
    outcome: Outcome


@dataclass(slots=True)
class _Passes:
    """What the runs of a program on one test have come to so far."""

    time_s: float = 0.0
    wall_s: float = 0.0
    memory_bytes: int = 0
    near_limit: bool = False
    kept: dict[str, bytes] = field(default_factory=dict)
    """The validator's files."""

    def add(self, timed: Timed) -> None:
        """Count one run: limits hold for each by itself."""
        result = timed.result
        self.time_s = max(self.time_s, result.time_s)
        self.wall_s = max(self.wall_s, result.wall_s)
        self.memory_bytes = max(self.memory_bytes, result.memory_bytes)
        self.near_limit = self.near_limit or timed.near_limit


@dataclass(frozen=True, slots=True)
class Tester:
    """Runs tests of one submission.

    Attributes:
        problem: whose tests they are.
        program: the submission.
        validator: the package's own, if it has one.
        timing: for fair time limits.
        tell_fault: hears what the package has done wrong.
    """

    __test__ = False

    problem: Problem
    program: Program
    validator: Validator | None
    timing: Timing
    tell_fault: TellFault

    async def run(self, box: Box, test: TestCase) -> Tested:
        """Run the program on *test*.

        Raises:
            SandboxError: this host failed, never the program.
        """
        passes = _Passes()
        data = {INPUT: await self._input(test)}
        try:
            timed, finding = await self._run_passes(box, test, data, passes)
        except ValidatorFault as exc:
            self.tell_fault(test.name, f"output validator: {exc}")
            return self._tested(test, passes, None, TestVerdict.INTERNAL_ERROR, Finding(False))
        accepted = None if finding is None else finding.accepted
        verdict = verdict_of(timed.status.value, accepted)
        return self._tested(test, passes, timed, verdict, finding)

    async def _input(self, test: TestCase) -> bytes:
        """Return what the program reads: the test's input, or what a function's harness does."""
        text = await self._read(test.input)
        if self.problem.function is None:
            return text
        return await _run(len(text), partial(self.problem.function.message, text))

    async def _run_passes(
        self, box: Box, test: TestCase, data: dict[str, bytes], passes: _Passes
    ) -> tuple[Timed, Finding | None]:
        limit = 1 if self.validator is None else self.validator.about.passes
        for _ in range(limit):
            timed, finding = await self._run_pass(box, test, data, passes)
            if finding is None or finding.next_input is None:
                return timed, finding
            # The validator's input file is what the program has read, in each pass anew.
            data = {INPUT: finding.next_input}
        raise ValidatorFault(f"it asked for more than {limit} passes")

    async def _run_pass(
        self, box: Box, test: TestCase, data: dict[str, bytes], passes: _Passes
    ) -> tuple[Timed, Finding | None]:
        """Run the program once; there is nothing to check unless it ended well."""
        files = {name: await self._read(path) for name, path in test.files.items()}
        if self.validator is not None and self.validator.about.interactive:
            timed, finding = await converse(
                box,
                self.program,
                self.validator,
                test,
                timing=self.timing,
                limits=self._limits(),
                data={**data, ANSWER: await self._read(test.answer)},
                files=files,
                kept=passes.kept,
            )
            passes.add(timed)
            return timed, finding
        timed = await self.timing.run(
            self.program,
            box,
            stdin=data[INPUT],
            limits=self._limits(),
            args=test.arguments,
            files=files,
        )
        close_all(timed.result)
        passes.add(timed)
        if timed.status is not RunStatus.OK:
            return timed, None
        data = {**data, ANSWER: await self._read(test.answer), OUTPUT: timed.result.stdout}
        if self.validator is not None:
            return timed, await self.validator.check(box, test, data, passes.kept)
        return timed, await self._compare(test, data[OUTPUT], data[ANSWER])

    async def _read(self, file: Path) -> bytes:
        """Return the content of a test's file."""
        content = self.problem.content
        return await _run(content.size(file), partial(content.read, file))

    async def _compare(self, test: TestCase, output: bytes, answer: bytes) -> Finding:
        """Compare as the format's default validator does, or as a function's type asks."""
        function = self.problem.function
        if function is not None:
            compare = partial(function.check, output, answer)
        else:
            compare = partial(check, output, answer, test.validator)
        found = await _run(len(output) + len(answer), compare)
        return Finding(found.accepted, judge_message=found.feedback or "")

    def _limits(self) -> Limits:
        limits = self.problem.limits
        return Limits(
            time_s=limits.time_s,
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            processes=limits.processes,
        )

    def _tested(
        self,
        test: TestCase,
        passes: _Passes,
        timed: Timed | None,
        verdict: TestVerdict,
        finding: Finding | None,
    ) -> Tested:
        shown = timed if test.sample else None
        result = TestResult(
            name=test.name,
            verdict=Verdict(verdict),
            time_s=round(passes.time_s, 6),
            wall_s=round(passes.wall_s, 6),
            memory_bytes=passes.memory_bytes,
            # Of a hidden test a program could tell its input by these, some bits a submission.
            exit_code=shown.result.exit_code if shown else None,
            signal=shown.result.signal if shown else None,
            feedback=_feedback(shown, finding) if shown else None,
            near_limit=passes.near_limit,
        )
        accepted = verdict is TestVerdict.ACCEPTED
        score = finding.score if finding is not None else None
        multiplier = finding.multiplier if finding is not None and accepted else None
        return Tested(result, Outcome(verdict, score, multiplier))


def _feedback(timed: Timed, finding: Finding | None) -> Text | None:
    """Return what is told of a sample: the difference, or what a program that failed has said."""
    if finding is None or timed.status is not RunStatus.OK:
        return codec.text(timed.result.stderr) if timed.result.stderr else None
    said = finding.team_message or finding.judge_message
    return said if said and not (finding.accepted and not finding.team_message) else None


async def _run(size_bytes: int, work: Callable[[], T]) -> T:
    """Return what *work* on so many bytes comes to, by a thread if that takes long."""
    if size_bytes > _LARGE_BYTES:
        return await trio.to_thread.run_sync(work)
    return work()
