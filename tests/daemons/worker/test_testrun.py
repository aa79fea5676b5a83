"""The tests of one submission: in order, and side by side in boxes that are idle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from daemons.worker import testrun
from daemons.worker.boxes import Loan
from daemons.worker.testing import Tested
from daemons.worker.testrun import Needless, TestRun
from judging import verdict
from judging.grading import Outcome, PassFail
from protocol.messages import TestResult, Verdict
from sandbox import SandboxError

BEHIND = PassFail().needless
OWN, OTHER = SimpleNamespace(id=0), SimpleNamespace(id=1)


@pytest.fixture(autouse=True)
def _always_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testrun, "_WORTH_S", -1.0)


class Stage:
    """Runs tests that end when they are told to; *told* is what the run has told."""

    def __init__(self, count: int, *, lend: int = 1, needless: Needless = BEHIND) -> None:
        self.told: list[tuple[int, str]] = []
        self.running: dict[str, int] = {}
        self.started: list[tuple[str, int]] = []
        self.loans: list[Loan] = []
        self.returned = 0
        self._lend = lend
        self._ends: dict[str, trio.Event] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._errors: dict[str, Exception] = {}
        self.names = [f"t{number}" for number in range(1, count + 1)]
        self.results: list[TestResult] | None = None
        self.numbers: list[int] = []
        tests = [SimpleNamespace(name=name) for name in self.names]
        self.run = TestRun(tests, self._run_test, self._tell, self._borrow, needless)

    async def _run_test(self, box: SimpleNamespace, test: SimpleNamespace) -> Tested:
        self.running[test.name] = box.id
        self.started.append((test.name, box.id))
        self._ends[test.name] = trio.Event()
        try:
            await self._ends[test.name].wait()
        finally:
            del self.running[test.name]
        if test.name in self._errors:
            raise self._errors.pop(test.name)
        judged = self._verdicts[test.name]
        result = TestResult(name=test.name, verdict=judged, time_s=0, wall_s=0, memory_bytes=0)
        return Tested(result, Outcome(verdict.Verdict(judged)))

    def _tell(self, index: int, tested: Tested) -> None:
        self.told.append((index, tested.result.name))

    def _borrow(self) -> Loan | None:
        if len(self.loans) - self.returned >= self._lend:
            return None
        self.loans.append(Loan(OTHER, self._take_back))
        return self.loans[-1]

    def _take_back(self) -> None:
        self.returned += 1

    async def play(self) -> None:
        """Run them all."""
        found = await self.run.run(OWN)
        self.numbers = list(found)
        self.results = [tested.result for tested in found.values()]

    async def end(
        self, name: str, verdict: Verdict = Verdict.ACCEPTED, error: Exception | None = None
    ) -> None:
        """Let the test end so, and the others move."""
        self._verdicts[name] = verdict
        if error is not None:
            self._errors[name] = error
        self._ends[name].set()
        await trio.testing.wait_all_tasks_blocked()


Play = Callable[[Stage], Awaitable[None]]


async def perform(stage: Stage, script: Play) -> None:
    """Play *script* while the tests run, within a bound."""
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.play)
            await trio.testing.wait_all_tasks_blocked()
            await script(stage)


async def test_results_are_told_in_order_whichever_ends_first() -> None:
    """An idle box takes tests as well; what it ends early is told when its turn comes."""
    stage = Stage(5)

    async def script(stage: Stage) -> None:
        assert stage.running == {"t1": 0}
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1}
        await stage.end("t3")
        assert stage.told == [(1, "t1")]
        await stage.end("t4")
        await stage.end("t2")
        assert [index for index, _ in stage.told] == [1, 2, 3, 4]
        await stage.end("t5")

    await perform(stage, script)
    assert [result.name for result in stage.results or []] == stage.names
    assert stage.told == list(enumerate(stage.names, 1))
    assert stage.returned == len(stage.loans)


async def test_short_submission_borrows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what would go on for a while gets help."""
    monkeypatch.setattr(testrun, "_WORTH_S", 600.0)
    stage = Stage(3)

    async def script(stage: Stage) -> None:
        for name in stage.names:
            assert stage.running == {name: 0}
            await stage.end(name)

    await perform(stage, script)
    assert not stage.loans


async def test_long_submission_gets_all_the_help_there_is_at_once() -> None:
    """After its first test each idle box takes one, but no more boxes than tests are left."""
    stage = Stage(9, lend=3)

    async def script(stage: Stage) -> None:
        assert stage.running == {"t1": 0}
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1, "t4": 1, "t5": 1}
        for name in ("t5", "t3", "t4"):
            await stage.end(name)
        assert stage.running == {"t2": 0, "t6": 1, "t7": 1, "t8": 1}
        await stage.end("t2")
        for name in ("t6", "t7", "t8", "t9"):
            await stage.end(name)

    await perform(stage, script)
    assert stage.told == list(enumerate(stage.names, 1))
    assert len(stage.loans) == stage.returned == 3


async def test_two_tests_left_take_one_box_more() -> None:
    """Who borrows takes one of them itself."""
    stage = Stage(3, lend=3)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1}
        assert len(stage.loans) == 1
        await stage.end("t3")
        await stage.end("t2")

    await perform(stage, script)


async def test_first_failure_in_order_decides() -> None:
    """A later failure that comes first waits for the earlier tests; what lies behind is stopped."""
    stage = Stage(9)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        await stage.end("t3", Verdict.WRONG_ANSWER)
        assert stage.running == {"t2": 0}
        await stage.end("t2")

    await perform(stage, script)
    assert [result.verdict for result in stage.results or []] == [
        Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.WRONG_ANSWER
    ]  # fmt: skip
    assert stage.told == [(1, "t1"), (2, "t2"), (3, "t3")]


@pytest.mark.parametrize("who", ["t2", "t3"])
async def test_failure_stops_what_runs_behind_it(who: str) -> None:
    """Neither the own box nor the borrowed one goes on with a test that does not count."""
    stage = Stage(9)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1}
        if who == "t3":
            await stage.end("t2")
            assert stage.running == {"t4": 0, "t3": 1}
        await stage.end(who, Verdict.RUNTIME_ERROR)
        assert stage.running == {}

    await perform(stage, script)
    assert (stage.results or [])[-1].name == who
    assert stage.returned == len(stage.loans)


async def test_test_whose_box_was_called_back_is_run_again() -> None:
    """The box goes back at once, and the own box takes the test."""
    stage = Stage(3)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1}
        stage.loans[0].call_back()
        await trio.testing.wait_all_tasks_blocked()
        assert stage.running == {"t2": 0}
        assert stage.returned == 1
        await stage.end("t2")
        assert stage.running == {"t3": 0}
        await stage.end("t3")

    await perform(stage, script)
    assert [result.name for result in stage.results or []] == stage.names


async def test_box_that_is_called_back_last_leaves_its_test_to_who_waits() -> None:
    """The own box, which has nothing to do any more, is woken for it."""
    stage = Stage(3)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        await stage.end("t2")
        assert stage.running == {"t3": 1}
        stage.loans[0].call_back()
        await trio.testing.wait_all_tasks_blocked()
        assert stage.running == {"t3": 0}
        await stage.end("t3")

    await perform(stage, script)
    assert stage.told == list(enumerate(stage.names, 1))


async def test_borrowed_box_that_fails_costs_the_submission_nothing() -> None:
    """This host's failure in a borrowed box leaves the test to the own one."""
    stage = Stage(3)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        await stage.end("t3", error=SandboxError("run-init"))
        assert stage.returned == 1
        await stage.end("t2")
        await stage.end("t3")

    await perform(stage, script)
    assert [result.name for result in stage.results or []] == stage.names


async def test_own_box_that_fails_ends_the_run() -> None:
    """It is the submission's failure then, and nothing goes on in any box."""
    stage = Stage(5)

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        await stage.end("t2", error=SandboxError("run-init"))

    with pytest.RaisesGroup(SandboxError, flatten_subgroups=True):
        await perform(stage, script)
    assert stage.running == {}
    assert stage.returned == 1


async def test_cancelled_run_stops_everywhere() -> None:
    """Cancel and fence reach the borrowed boxes, and these are given back."""
    stage = Stage(5)
    with trio.CancelScope() as scope:

        async def script(stage: Stage) -> None:
            await stage.end("t1")
            assert len(stage.running) == 2
            scope.cancel()

        await perform(stage, script)
    assert stage.running == {}
    assert stage.returned == 1


async def test_failure_makes_needless_what_the_grading_says() -> None:
    """Only these are stopped and left out; the others are run and told under their own numbers."""
    groups = {1: frozenset({2, 5}), 3: frozenset({4})}
    stage = Stage(6, needless=lambda failed, _: groups.get(failed, frozenset()))

    async def script(stage: Stage) -> None:
        await stage.end("t1")
        assert stage.running == {"t2": 0, "t3": 1}
        await stage.end("t2", Verdict.WRONG_ANSWER)
        assert stage.running.keys() == {"t4", "t5"}
        await stage.end("t5", Verdict.WRONG_ANSWER)
        await stage.end("t4", Verdict.WRONG_ANSWER)

    await perform(stage, script)
    assert [index for index, _ in stage.told] == [1, 2, 4]
    assert stage.numbers == [0, 1, 3]
