"""Judge one submission: compile, run the tests, stop at the first failure.

Knows nothing of queues and leases: it tells its steps to whoever listens, and returns the
judgement. Expected outputs never enter a box; the output is compared here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog

from daemons.broker import Step
from daemons.broker.connection import Argument
from daemons.worker.compiling import Build, CompileFailure, compile_program, find_compile_error
from daemons.worker.programs import Program, Sources
from daemons.worker.testing import Tested, Tester
from daemons.worker.testrun import Borrow, TestRun
from daemons.worker.timing import BAND, Timing
from daemons.worker.toolchains import Toolchain
from daemons.worker.validators import Validator, build_validator
from judging.checkers.custom import ValidatorFault
from judging.package import Problem, TestCase
from judging.verdict import Total
from judging.verdict import Verdict as TotalVerdict
from protocol import codec
from protocol.messages import (
    Compiled,
    EventType,
    Judgement,
    SubmissionRequest,
    TestDone,
    Verdict,
)
from sandbox import Box

log = structlog.get_logger()

#: Told after each step: fields of the record to set, and the event.
Tell = Callable[[Sequence[Argument], Step], None]
#: Told what a package has done wrong: which one, in which test, and why.
TellFault = Callable[[str, str, str], None]


def log_fault(problem_id: str, test: str, reason: str) -> None:
    """Tell whoever runs the judge that a package is at fault."""
    log.error("package at fault", problem=problem_id, test=test, reason=reason)


@dataclass(frozen=True, slots=True)
class Means:
    """What a judge works with.

    Attributes:
        build: makes a program of its sources.
        borrow: gives a box that is idle, if one is.
        band: a run whose time is above the limit by no more than this part of it is run again.
        toolchains: the machine's, by language id, for output validators.
        tell_fault: hears what packages do wrong.
    """

    build: Build = compile_program
    borrow: Borrow = lambda: None
    band: float = BAND
    toolchains: Mapping[str, Toolchain] = field(default_factory=lambda: MappingProxyType({}))
    tell_fault: TellFault = log_fault


async def judge(
    box: Box,
    problem: Problem,
    toolchain: Toolchain,
    request: SubmissionRequest,
    tell: Tell,
    means: Means | None = None,
) -> Judgement:
    """Judge *request* against all tests of *problem* in *box*; cancelling it kills what runs.

    Raises:
        SandboxError: this host failed, never the program.
    """
    means = means or Means()
    included = problem.included_for(toolchain.language.id)
    sources = Sources.of(request, toolchain, problem.function).beside(included, toolchain)
    with ExitStack() as stack:
        built = await means.build(box, toolchain, sources)
        if isinstance(built, CompileFailure):
            return _refused(problem, built)
        stack.enter_context(built)
        step = Compiled(time_s=built.compile_time_s, tests_total=len(problem.tests))
        tell(("tests_total", len(problem.tests)), Step.of(EventType.COMPILED, step))
        validator = None
        if problem.output_validator is not None:
            try:
                validator = await build_validator(
                    box, problem.output_validator, means.toolchains, means.build
                )
            except ValidatorFault as exc:
                means.tell_fault(problem.id, "", f"output validator: {exc}")
                total = len(problem.tests)
                return Judgement(verdict=Verdict.INTERNAL_ERROR, tests_total=total)
            stack.enter_context(validator)
        return await _run_tests(box, problem, built, validator, tell, means)


async def _run_tests(
    box: Box,
    problem: Problem,
    program: Program,
    validator: Validator | None,
    tell: Tell,
    means: Means,
) -> Judgement:
    def tell_fault(test: str, reason: str) -> None:
        means.tell_fault(problem.id, test, reason)

    tester = Tester(problem, program, validator, Timing(means.band), tell_fault)
    passed = 0
    refusals: list[CompileFailure] = []

    async def run_test(where: Box, test: TestCase) -> Tested:
        tested = await tester.run(where, test)
        if test is problem.tests[0] and tested.result.verdict is Verdict.RUNTIME_ERROR:
            failure = await find_compile_error(where, program)
            refusals.extend([failure] if failure is not None else [])
        return tested

    def tell_test(index: int, tested: Tested) -> None:
        nonlocal passed
        if refusals:
            return
        passed += tested.outcome.accepted
        step = TestDone(
            index=index,
            total=len(problem.tests),
            name=tested.result.name,
            verdict=tested.result.verdict,
            time_s=tested.result.time_s,
            memory_bytes=tested.result.memory_bytes,
        )
        tell(("tests_passed", passed), Step.of(EventType.TEST, step))

    run = TestRun(problem.tests, run_test, tell_test, means.borrow, problem.grading.needless)
    tested = await run.run(box)
    if refusals:
        return _refused(problem, refusals[0])
    return _judgement(problem, tested, tell_fault)


def _judgement(
    problem: Problem, tested: Mapping[int, Tested], tell_fault: Callable[[str, str], None]
) -> Judgement:
    outcomes = {number: each.outcome for number, each in tested.items()}
    try:
        found = problem.grading.total(outcomes)
    except ValidatorFault as exc:
        tell_fault("", f"output validator: {exc}")
        passed = sum(outcome.accepted for outcome in outcomes.values())
        found = Total(TotalVerdict.INTERNAL_ERROR, passed)
    results = [each.result for each in tested.values()]
    return Judgement(
        verdict=Verdict(found.verdict),
        score=found.score,
        tests_passed=found.tests_passed,
        tests_total=len(problem.tests),
        time_s=max(result.time_s for result in results),
        memory_bytes=max(result.memory_bytes for result in results),
        tests=tuple(results),
    )


def _refused(problem: Problem, failure: CompileFailure) -> Judgement:
    return Judgement(
        verdict=Verdict.COMPILE_ERROR,
        tests_total=len(problem.tests),
        compile_output=codec.text(failure.output),
    )
