"""Judge one submission: compile, run the tests, stop at the first failure.

Knows nothing of queues and leases: it tells its steps to whoever listens, and returns the
judgement. Expected outputs never enter a box; the output is compared here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
import trio

from daemons.broker import Step
from daemons.broker.connection import Argument
from daemons.worker.programs import CompileFailure, Program, Sources, compile_program
from daemons.worker.testrun import Borrow, TestRun
from daemons.worker.timing import BAND, Timing
from daemons.worker.toolchains import Toolchain
from judging.checkers.default import check
from judging.package import Problem, TestCase
from judging.verdict import total, verdict_of
from protocol import codec
from protocol.messages import (
    Compiled,
    EventType,
    Judgement,
    SubmissionRequest,
    TestDone,
    TestResult,
    Text,
    Verdict,
)
from sandbox import Box, Limits, Result, RunStatus

T = TypeVar("T")

log = structlog.get_logger()

#: Told after each step: fields of the record to set, and the event.
Tell = Callable[[Sequence[Argument], Step], None]

#: Makes a program of its sources, in the box if it has to be compiled.
Build = Callable[[Box, Toolchain, Sources], Awaitable[Program | CompileFailure]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a judge works with.

    Attributes:
        build: makes a program of its sources.
        borrow: gives a box that is idle, if one is.
        band: a run whose time is above the limit by no more than this part of it is run again.
    """

    build: Build = compile_program
    borrow: Borrow = lambda: None
    band: float = BAND


#: Reading or comparing more than this holds up everything else, so a thread does it.
_LARGE_BYTES = 1 << 20


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
    sources = Sources.of(request, toolchain, problem.function)
    built = await means.build(box, toolchain, sources)
    if isinstance(built, CompileFailure):
        return _refused(problem, built)
    with built:
        step = Compiled(time_s=built.compile_time_s, tests_total=len(problem.tests))
        tell(
            ("tests_total", len(problem.tests)),
            Step.of(EventType.COMPILED, step),
        )
        return await _run_tests(box, problem, built, tell, means)


async def _run_tests(
    box: Box, problem: Problem, program: Program, tell: Tell, means: Means
) -> Judgement:
    timing = Timing(means.band)
    passed = 0
    refusals: list[CompileFailure] = []

    async def run_test(where: Box, test: TestCase) -> TestResult:
        result = await _run_test(where, problem, program, test, timing)
        if test is problem.tests[0] and result.verdict is Verdict.RUNTIME_ERROR:
            failure = await program.find_compile_error(where)
            refusals.extend([failure] if failure is not None else [])
        return result

    def tell_test(index: int, result: TestResult) -> None:
        nonlocal passed
        if refusals:
            return
        passed += result.verdict is Verdict.ACCEPTED
        step = TestDone(
            index=index,
            total=len(problem.tests),
            name=result.name,
            verdict=result.verdict,
            time_s=result.time_s,
            memory_bytes=result.memory_bytes,
        )
        tell(("tests_passed", passed), Step.of(EventType.TEST, step))

    results = await TestRun(problem.tests, run_test, tell_test, means.borrow).run(box)
    if refusals:
        return _refused(problem, refusals[0])
    outcome = total(result.verdict for result in results)
    return Judgement(
        verdict=Verdict(outcome.verdict),
        score=outcome.score,
        tests_passed=outcome.tests_passed,
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


async def _run_test(
    box: Box, problem: Problem, program: Program, test: TestCase, timing: Timing
) -> TestResult:
    limits = problem.limits
    timed = await timing.run(
        program,
        box,
        stdin=await _input(problem, test),
        limits=Limits(
            time_s=limits.time_s,
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            processes=limits.processes,
        ),
    )
    result = timed.result
    for blob in result.files.values():
        blob.close()
    accepted, feedback = await _compare(problem, test, timed.status, result)
    return TestResult(
        name=test.name,
        verdict=Verdict(verdict_of(timed.status.value, accepted)),
        time_s=round(result.time_s, 6),
        wall_s=round(result.wall_s, 6),
        memory_bytes=result.memory_bytes,
        # Of a hidden test a program could tell its input by these, some bits a submission.
        exit_code=result.exit_code if test.sample else None,
        signal=result.signal if test.sample else None,
        feedback=feedback if test.sample else None,
        near_limit=timed.near_limit,
    )


async def _input(problem: Problem, test: TestCase) -> bytes:
    """Return what the program reads: the test's input, or what the harness makes of it."""
    text = await _read(test.input)
    if problem.function is None:
        return text
    return await _run(len(text), partial(problem.function.message, text))


async def _read(path: Path) -> bytes:
    read = path.read_bytes
    return await trio.to_thread.run_sync(read) if _is_large(path) else read()


def _is_large(path: Path) -> bool:
    return path.stat().st_size > _LARGE_BYTES


async def _compare(
    problem: Problem, test: TestCase, status: RunStatus, result: Result
) -> tuple[bool | None, Text | None]:
    """Return whether the output is right, and what to tell of it; None where it does not count."""
    if status is not RunStatus.OK:
        return None, codec.text(result.stderr) if result.stderr else None
    answer = await _read(test.answer)
    if problem.function is not None:
        compare = partial(problem.function.check, result.stdout, answer)
    else:
        compare = partial(check, result.stdout, answer, test.validator)
    found = await _run(len(result.stdout) + len(answer), compare)
    return found.accepted, found.feedback


async def _run(size_bytes: int, work: Callable[[], T]) -> T:
    """Return what *work* on so many bytes comes to, by a thread if that takes long."""
    if size_bytes > _LARGE_BYTES:
        return await trio.to_thread.run_sync(work)
    return work()
