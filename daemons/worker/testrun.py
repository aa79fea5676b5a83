"""Run the tests of one submission: in order, and side by side where boxes are idle.

Theory of operation. The submission's own box takes the tests one after the other. When those that
are left would take a while, boxes of the worker that are idle are borrowed and take tests as well.
Steps are told in the order of the tests whichever ends first. A failure makes others needless, by
the problem's grading: in most problems all behind it. Such tests are not run, or stopped, and tell
nothing. A test whose box was called back is run again.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
import trio

from daemons.worker.boxes import Loan
from daemons.worker.testing import Tested
from judging.package import TestCase
from sandbox import Box, SandboxError

log = structlog.get_logger()

#: Boxes are borrowed when what is left would take longer than so many seconds in those at work. A
#: borrowed box begins at once, for a run is parked in it; less would save nobody a thing he feels.
_WORTH_S = 0.1

#: Runs one test in a box.
RunTest = Callable[[Box, TestCase], Awaitable[Tested]]
#: Told the number of a test, counted from 1, and its result, in the order of the tests.
TellTest = Callable[[int, Tested], None]
#: Says which of so many tests need not be run any more, now that this one has failed.
Needless = Callable[[int, int], frozenset[int]]
#: Gives a box that is idle, if one is.
Borrow = Callable[[], Loan | None]


class TestRun:
    """The tests of one submission and what has come of them."""

    # pytest must not take it for a test class.
    __test__ = False

    def __init__(
        self,
        tests: Sequence[TestCase],
        run_test: RunTest,
        tell: TellTest,
        borrow: Borrow,
        needless: Needless,
    ) -> None:
        self._tests = tests
        self._run_test = run_test
        self._tell = tell
        self._borrow = borrow
        self._needless_after = needless
        self._waiting = list(range(len(tests)))
        self._running: dict[int, trio.CancelScope] = {}
        self._ended: dict[int, Tested] = {}
        self._needless: set[int] = set()
        #: The first test that was neither told nor found needless.
        self._first = 0
        self._results: dict[int, Tested] = {}
        self._changed = trio.Event()
        #: Boxes that are borrowed, and how long the tests that ended took in whatever box.
        self._helping = 0
        self._took_s = 0.0

    async def run(self, box: Box) -> Mapping[int, Tested]:
        """Run them in *box*, and others that are idle; return the results of those that count.

        Raises:
            SandboxError: this host failed, never the program; in a group.
        """
        async with trio.open_nursery() as helpers:
            while self._first < len(self._tests):
                index = self._next()
                if index is None:  # all others are running, or are given back to us
                    await self._changed.wait()
                    self._changed = trio.Event()
                    continue
                await self._run_one(box, index)
                for _ in self._waiting[1:]:  # one is our own
                    loan = self._borrow() if self._is_long() else None
                    if loan is None:
                        break
                    self._helping += 1
                    helpers.start_soon(self._help, loan)
        return self._results

    def _is_long(self) -> bool:
        """Tell whether what is left takes the boxes at work so long that help is worth it."""
        left_s = len(self._waiting) * self._took_s / len(self._ended)
        return left_s / (1 + self._helping) > _WORTH_S

    async def _help(self, loan: Loan) -> None:
        try:
            with loan.use() as box:
                try:
                    while (index := self._next()) is not None:
                        await self._run_one(box, index)
                except SandboxError as exc:
                    log.warning("borrowed box failed", box=box.id, reason=str(exc))
        finally:
            self._helping -= 1

    def _next(self) -> int | None:
        """Return the first test that waits."""
        return heapq.heappop(self._waiting) if self._waiting else None

    async def _run_one(self, box: Box, index: int) -> None:
        began = trio.current_time()
        try:
            with trio.CancelScope() as scope:
                self._running[index] = scope
                tested = await self._run_test(box, self._tests[index])
                self._took_s += trio.current_time() - began
                self._note(index, tested)
        finally:
            del self._running[index]
            if index not in self._ended and index not in self._needless:
                heapq.heappush(self._waiting, index)
            self._changed.set()

    def _note(self, index: int, tested: Tested) -> None:
        self._ended[index] = tested
        if not tested.outcome.accepted:
            self._needless |= self._needless_after(index, len(self._tests))
            self._waiting = sorted(set(self._waiting) - self._needless)
            for other, scope in self._running.items():
                if other in self._needless:
                    scope.cancel(reason="an earlier test failed")
        while (first := self._first) < len(self._tests):
            if first not in self._needless:
                if first not in self._ended:
                    return
                self._results[first] = self._ended[first]
                self._tell(first + 1, self._ended[first])
            self._first += 1
