"""Fair timing: just above the limit is measured again, alone, and the second time counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from daemons.worker.compiling import compile_program
from daemons.worker.judge import Means, judge
from daemons.worker.programs import Program, Sources
from daemons.worker.timing import SECOND_RUNS, Timing
from daemons.worker.toolchains import Toolchain, find_toolchains, image_of
from judging.languages import load_languages
from judging.package import Problem, load_problems
from protocol.messages import SubmissionRequest, Verdict
from sandbox import Box, Grade, Job, Limits, Result, RunStatus, open_sandbox
from tests.daemons.worker.conftest import write_problem

#: Burns so many seconds of CPU time as its last argument says, then repeats its input.
BURN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv) {
    char line[99] = "";
    while (clock() < atof(argv[argc - 1]) * CLOCKS_PER_SEC) { }
    puts(fgets(line, sizeof line, stdin) ? line : "");
}
"""
LIMITS = Limits(time_s=0.1, wall_s=60, memory_bytes=64 << 20, output_bytes=1000)


class Clocked:
    """A box in which each run takes the CPU time of its turn, so that luck decides nothing."""

    def __init__(self, box: Box, *times_s: float) -> None:
        self._box = box
        self._times_s = list(times_s)
        self.alone: list[bool] = []

    async def run(self, job: Job) -> Result:
        """Run it with the next time; a compiler as it is."""
        if job.collect:
            return await self._box.run(job)
        self.alone.append(job.alone)
        return await self._box.run(replace(job, argv=(*job.argv, str(self._times_s.pop(0)))))


@pytest.fixture(scope="module")
def gcc() -> Toolchain:
    """Give the C toolchain of this machine."""
    return trio.run(find_toolchains, [load_languages()["c"]])["c"]


@pytest.fixture
async def box(gcc: Toolchain) -> AsyncIterator[Box]:
    """Give a real box, within a bound."""
    with trio.fail_after(120):
        async with open_sandbox(slots=1, image=image_of([gcc]), grade=Grade.REDUCED) as sandbox:
            yield sandbox.boxes[0]


@pytest.mark.parametrize(
    ("times_s", "alone", "status", "near"),
    [
        # The band of 100 % reaches from 0 to 0.2 s, so no noise of the machine gets a run out of it.
        ((0.05,), [False], RunStatus.OK, True),
        ((0.15, 0.05), [False, True], RunStatus.OK, True),
        ((0.15, 0.15), [False, True], RunStatus.TIME_LIMIT, True),
        ((9.0,), [False], RunStatus.TIME_LIMIT, False),
    ],
)
async def test_run_just_above_the_limit_gets_a_second_time(
    box: Box,
    gcc: Toolchain,
    times_s: tuple[float, ...],
    alone: list[bool],
    status: RunStatus,
    near: bool,
) -> None:
    """Below and far above there is one run; in the band above a second, alone, which counts."""
    clocked = Clocked(box, *times_s)
    program = await compile_program(clocked, gcc, Sources({"main.c": BURN.encode()}, "main.c"))
    assert isinstance(program, Program)
    with program:
        timed = await Timing(band=1.0).run(program, clocked, stdin=b"x\n", limits=LIMITS)
    assert (clocked.alone, timed.status, timed.near_limit) == (alone, status, near)


async def test_narrow_band_calls_a_quick_run_not_near(box: Box, gcc: Toolchain) -> None:
    """A run that is far below its limit is not near it."""
    clocked = Clocked(box, 0.0)
    program = await compile_program(clocked, gcc, Sources({"main.c": BURN.encode()}, "main.c"))
    assert isinstance(program, Program)
    with program:
        timed = await Timing().run(program, clocked, stdin=b"x\n", limits=LIMITS)
    assert (timed.status, timed.near_limit) == (RunStatus.OK, False)


async def test_second_runs_are_bounded(box: Box, gcc: Toolchain) -> None:
    """A program that lives just above its limit can't keep the worker to itself."""
    times_s = (0.15, 0.05) * SECOND_RUNS + (0.15,)
    clocked = Clocked(box, *times_s)
    program = await compile_program(clocked, gcc, Sources({"main.c": BURN.encode()}, "main.c"))
    assert isinstance(program, Program)
    timing = Timing(band=1.0)
    with program:
        statuses = [
            (await timing.run(program, clocked, stdin=b"", limits=LIMITS)).status
            for _ in range(SECOND_RUNS + 1)
        ]
    assert statuses == [RunStatus.OK] * SECOND_RUNS + [RunStatus.TIME_LIMIT]
    assert clocked.alone.count(True) == SECOND_RUNS


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    """Give a problem with two tests and a limit of 0.1 s."""
    write_problem(tmp_path)
    problem = load_problems([tmp_path / "problems"])["echo"]
    return replace(problem, limits=replace(problem.limits, time_s=0.1, wall_s=60))


@pytest.mark.parametrize(
    ("times_s", "verdicts", "near"),
    [
        ((0.0, 0.0), ["accepted", "accepted"], [True, True]),
        ((0.0, 0.15, 0.05), ["accepted", "accepted"], [True, True]),
        ((0.15, 0.15), ["time_limit_exceeded"], [True]),
    ],
)
async def test_judge_marks_tests_near_the_limit(
    box: Box,
    gcc: Toolchain,
    problem: Problem,
    times_s: tuple[float, ...],
    verdicts: list[Verdict],
    near: list[bool],
) -> None:
    """The result of each test says whether its time was near the limit."""
    clocked = Clocked(box, *times_s)
    request = SubmissionRequest(problem_id="echo", user_id="u1", language="c", code=BURN)
    judgement = await judge(clocked, problem, gcc, request, lambda *_: None, Means(band=1.0))
    assert [test.verdict for test in judgement.tests] == verdicts
    assert [test.near_limit for test in judgement.tests] == near
