"""Run the tests of one submission: in order, and side by side where boxes are idle.

Theory of operation. The submission's own box takes the tests one after the other. When that has
gone on for a while and a box of the worker is idle, this is borrowed and takes tests as well. Steps
are told in the order of the tests whichever ends first, and nothing is told, or counts, behind the
first failure; what runs there is stopped. A test whose box was called back is run again.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from daemons.worker.boxes import Loan
from judging.package import TestCase
from protocol.messages import TestResult, Verdict
from sandbox import Box, SandboxError

log = structlog.get_logger()

#: A submission is long after so many seconds of tests: a short one would be over before it was
#: worth to wake another box.
_LONG_S = 0.3

#: Runs one test in a box.
RunTest = Callable[[Box, TestCase], Awaitable[TestResult]]
#: Told the number of a test, counted from 1, and its result, in the order of the tests.
TellTest = Callable[[int, TestResult], None]
#: Gives a box that is idle, if one is.
Borrow = Callable[[], Loan | None]


class TestRun:
    """The tests of one submission and what has come of them."""

    # pytest must not take it for a test class.
    __test__ = False

    def __init__(
        self, tests: Sequence[TestCase], run_test: RunTest, tell: TellTest, borrow: Borrow
    ) -> None:
        self._tests = tests
        self._run_test = run_test
        self._tell = tell
        self._borrow = borrow
        self._waiting = list(range(len(tests)))
        self._running: dict[int, trio.CancelScope] = {}
        self._ended: dict[int, TestResult] = {}
        #: Tests from here on do not count.
        self._end = len(tests)
        self._results: list[TestResult] = []
        self._changed = trio.Event()

    async def run(self, box: Box) -> list[TestResult]:
        """Run them in *box*, and others that are idle; return the results up to the first failure.

        Raises:
            SandboxError: this host failed, never the program; in a group.
        """
        began = trio.current_time()
        async with trio.open_nursery() as helpers:
            while len(self._results) < self._end:
                index = self._next()
                if index is None:  # all others are running, or are given back to us
                    await self._changed.wait()
                    self._changed = trio.Event()
                    continue
                await self._run_one(box, index)
                if self._waiting and trio.current_time() - began > _LONG_S:
                    loan = self._borrow()
                    if loan is not None:
                        helpers.start_soon(self._help, loan)
        return self._results

    async def _help(self, loan: Loan) -> None:
        with loan.use() as box:
            try:
                while (index := self._next()) is not None:
                    await self._run_one(box, index)
            except SandboxError as exc:
                log.warning("borrowed box failed", box=box.id, reason=str(exc))

    def _next(self) -> int | None:
        """Return the first test that waits, if it still counts."""
        if not self._waiting or self._waiting[0] >= self._end:
            return None
        return heapq.heappop(self._waiting)

    async def _run_one(self, box: Box, index: int) -> None:
        try:
            with trio.CancelScope() as scope:
                self._running[index] = scope
                self._note(index, await self._run_test(box, self._tests[index]))
        finally:
            del self._running[index]
            if index not in self._ended:
                heapq.heappush(self._waiting, index)
            self._changed.set()

    def _note(self, index: int, result: TestResult) -> None:
        self._ended[index] = result
        if result.verdict is not Verdict.ACCEPTED:
            self._end = min(self._end, index + 1)
            for other, scope in self._running.items():
                if other >= self._end:
                    scope.cancel(reason="an earlier test failed")
        while (next_ := len(self._results)) < self._end and next_ in self._ended:
            self._results.append(self._ended[next_])
            self._tell(next_ + 1, self._ended[next_])
