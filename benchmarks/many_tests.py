"""What a hundred tests of one submission cost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.bare import run_bare
from benchmarks.measure import Comparison, Effort, Target, benchmark, durations
from benchmarks.verdict import make_site
from daemons.worker.boxes import Boxes
from daemons.worker.judge import Means, judge
from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import find_toolchains
from judging.languages import load_languages
from judging.package import load_problems
from protocol.messages import SubmissionRequest, Verdict
from sandbox import Grade

_TESTS = 100
_EACH_MS = 2.5
_FEWER = 20
_TARGET = Target(f"<= {_EACH_MS} ms a test", lambda made: made.ours.median <= _EACH_MS * _TESTS)


@benchmark(
    "hundred-tests",
    ours=f"judging of a Python submission with {_TESTS} tests, one slot",
    bare=f"{_TESTS} times `python3 solution.py`",
    target=_TARGET,
)
async def hundred_tests(effort: Effort) -> Comparison:
    """From the request to the judgement in a worker's judge, in turn with bare runs.

    Without store and events; reading inputs and comparing outputs are in it. Fewer rounds.
    """
    return await _judge_beside_bare(effort, slots=1)


@benchmark(
    "hundred-tests-2",
    ours=f"judging of a Python submission with {_TESTS} tests, two slots, one of them idle",
    bare=f"{_TESTS} times `python3 solution.py`",
    target=_TARGET,
)
async def hundred_tests_2(effort: Effort) -> Comparison:
    """As `hundred-tests`; the idle slot is lent by the rules of a worker."""
    return await _judge_beside_bare(effort, slots=2)


async def _judge_beside_bare(effort: Effort, slots: int) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
        folder = Path(name)
        make_site(folder)
        secret = folder / "problems" / "sum" / "data" / "secret"
        for number in range(2, _TESTS + 1):
            for suffix in ("in", "ans"):
                (secret / f"{number}.{suffix}").write_bytes((secret / f"1.{suffix}").read_bytes())
        problem = load_problems([folder / "problems"])["sum"]
        toolchain = (await find_toolchains([load_languages()["python"]]))["python"]
        solution = folder / "solution.py"
        request = SubmissionRequest(
            problem_id="sum", user_id="bench", language="python", code=solution.read_text()
        )
        bare = [toolchain.tools["python"], "-B", str(solution)]

        def run_all_bare() -> None:
            for _ in range(_TESTS):
                run_bare(bare, folder / "solution.in")

        async with open_boxes([toolchain], slots=slots, grade=Grade.FULL) as sandbox:
            boxes = Boxes(sandbox.boxes)
            means = Means(borrow=boxes.borrow)

            async def judge_all() -> None:
                await boxes.reserve()
                box = await boxes.take()
                made = await judge(box, problem, toolchain, request, lambda *_: None, means)
                boxes.give_back(box)
                assert (made.verdict, made.tests_passed) == (Verdict.ACCEPTED, _TESTS)

            return await durations(
                judge_all, run_all_bare, max(2, effort.rounds // _FEWER), warm_up=1
            )
