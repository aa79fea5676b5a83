"""Judge the reference submissions of packages, and say which are not what they should be."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import click
import msgspec
import trio

from daemons.broker import Step
from daemons.cli.boxes import open_local_builds
from daemons.cli.inputs import InputsNotCheckedError, check_inputs
from daemons.config import Config
from daemons.worker.builds import Builds
from daemons.worker.judge import Means, judge
from daemons.worker.prepare import prepare_all
from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from judging.package import Problem, ReferenceSubmission
from protocol.messages import Judgement, SourceFile, SubmissionRequest
from sandbox import Box, Grade

#: What comes of inputs.
VALID, REFUSED = "valid", "refused"
#: What rounding may do to a sum of points.
_ROUNDING = 1e-6


class Case(NamedTuple):
    """One reference submission to be judged."""

    problem: Problem
    submission: ReferenceSubmission

    @property
    def name(self) -> str:
        """Where it is, from the package's folder on."""
        return f"{self.problem.id}/{self.submission.path.relative_to(self.problem.path)}"


class Inputs(NamedTuple):
    """The inputs of a problem's tests, to be looked at by its input validators."""

    problem: Problem

    @property
    def name(self) -> str:
        """What is told of it."""
        return f"{self.problem.id}/input_validators"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What came of judging one reference submission; no *verdict* if it could not be judged.

    In the place of a submission stand the inputs of a problem, which are `VALID` or `REFUSED`.
    """

    submission: str
    language: str | None
    expected: tuple[str, ...]
    verdict: str | None
    time_s: float | None
    score: float | None = None
    expected_score: tuple[float, float] | None = None
    note: str | None = None

    @property
    def is_inputs(self) -> bool:
        """Whether it is about a problem's inputs and no submission."""
        return self.expected == (VALID,)

    @property
    def wrong(self) -> bool:
        """Whether it was judged, and not as its author meant."""
        if self.verdict is None:
            return False
        return self.verdict not in self.expected or not self._score_fits

    @property
    def _score_fits(self) -> bool:
        if self.expected_score is None or self.score is None:
            return self.expected_score is None
        least, most = self.expected_score
        return least - _ROUNDING <= self.score <= most + _ROUNDING


async def judge_all(cases: Sequence[Case | Inputs], config: Config, tell: bool) -> list[Finding]:
    """Judge *cases* with as many boxes as there are cores, and return the findings in order.

    They are compiled as a worker of *config* does it, and what it keeps is used and added to.
    """
    toolchains = await find_toolchains(load_languages().values())
    findings: dict[int, Finding] = {}
    waiting = iter(enumerate(cases))
    slots = os.cpu_count() or 1
    builds = await open_local_builds(config)
    async with open_boxes(toolchains.values(), slots=slots, grade=Grade.REDUCED) as sandbox:
        # Before the first and not beside them: nobody waits for the first, and the rest are many.
        languages = {case.submission.language for case in cases if isinstance(case, Case)}
        needed = [each for each in toolchains.values() if each.language.id in languages]
        await prepare_all(needed, builds, sandbox.show, niceness=0)
        async with trio.open_nursery() as nursery:
            for box in sandbox.boxes:
                judge_one = partial(_judge_one, box, toolchains, builds)
                nursery.start_soon(_judge_waiting, judge_one, waiting, findings, tell, len(cases))
    return [findings[number] for number in range(len(cases))]


async def _judge_waiting(
    judge_one: Callable[[Case | Inputs], Awaitable[Finding]],
    waiting: Iterator[tuple[int, Case | Inputs]],
    findings: dict[int, Finding],
    tell: bool,
    count: int,
) -> None:
    for number, case in waiting:
        findings[number] = finding = await judge_one(case)
        if tell:
            click.echo(f"{len(findings):{len(str(count))}}/{count} {_line_of(finding)}")


def _line_of(finding: Finding) -> str:
    mark = "WRONG" if finding.wrong else "ok" if finding.verdict else "-"
    line = f"{mark:5} {finding.submission}: {finding.verdict or finding.note}"
    if finding.score is not None:
        line += f", {finding.score:g} points"
    if finding.wrong:
        line += f"; expected {' or '.join(finding.expected)}"
        if finding.expected_score is not None:
            line += " with {:g} to {:g} points".format(*finding.expected_score)
        if finding.note:
            line += f" ({finding.note})"
    return line


async def _judge_one(
    box: Box, toolchains: dict[str, Toolchain], builds: Builds, case: Case | Inputs
) -> Finding:
    if isinstance(case, Inputs):
        return await _check_inputs(box, toolchains, builds, case)
    language = case.submission.language
    toolchain = toolchains.get(language or "")
    judgement: Judgement | None = None
    reason = f"no tools for {language} here" if language else "in a language that we have not"
    faults: list[str] = []
    try:
        request = None if toolchain is None else _request(case, toolchain)
    except UnicodeDecodeError:
        request, reason = None, "not all of its files are text in UTF-8, as submissions must be"
    if toolchain is not None and request is not None:
        means = Means(
            build=builds.compile,
            toolchains=toolchains,
            tell_fault=lambda _, test, fault: faults.append(f"{test}: {fault}" if test else fault),
        )
        judgement = await judge(box, case.problem, toolchain, request, _pass_over, means)
        reason = "; ".join(faults)
    return Finding(
        submission=case.name,
        language=language,
        expected=case.submission.expected,
        expected_score=case.submission.score,
        verdict=None if judgement is None else judgement.verdict.value,
        score=None if judgement is None else judgement.score,
        time_s=None if judgement is None else judgement.time_s,
        note=reason or None,
    )


async def _check_inputs(
    box: Box, toolchains: dict[str, Toolchain], builds: Builds, inputs: Inputs
) -> Finding:
    verdict, note = None, ""
    try:
        wrong = await check_inputs(box, inputs.problem, toolchains, builds.compile)
    except InputsNotCheckedError as exc:
        note = str(exc)
    else:
        verdict, note = REFUSED if wrong else VALID, "; ".join(wrong)
    return Finding(
        submission=inputs.name,
        language=None,
        expected=(VALID,),
        verdict=verdict,
        time_s=None,
        note=note or None,
    )


def _pass_over(_fields: object, _step: Step) -> None:
    """Hear the steps of a judging; only the verdict counts here."""


def _request(case: Case, toolchain: Toolchain) -> SubmissionRequest:
    """Return the reference submission as if somebody had sent it in."""
    files = case.problem.sources_of(case.submission)
    is_source = toolchain.language.is_source
    entry = case.submission.entry or next(name for name in files if is_source(name))
    return SubmissionRequest(
        problem_id=case.problem.id,
        user_id="reference",
        language=toolchain.language.id,
        files=tuple(SourceFile(name=name, content=text) for name, text in files.items()),
        entry=entry,
    )
