"""Take submissions from the queue as boxes come free, and judge each in its box.

Theory of operation. There is one dispatcher per process. It reserves a box, then pops: never
the other way round, so a worker's death costs at most what it was judging and one popped hint, and
both are found again. The judging of a claim is one task with one boundary around it:

* judged: the result is delivered, again and again until the store took it or the claim is lost;
* the claim is lost (``fenced``, ``cancelled``, or no heartbeat got through while it ran):
  forgotten;
* the worker is stopping and its time is up (``drain``): given back, next in turn;
* this host failed: given back with the try counted, so that a poisonous one ends somewhere; and
  the box takes nothing until a program runs in it, else a broken host would be the quickest to
  take, and to use up, what waits.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import structlog
import trio

from daemons.broker import Claim, Claims, Intake, Popped, StoreUnavailable
from daemons.config import Limits
from daemons.crashpoints import reach
from daemons.metrics import JUDGING_SECONDS, VERDICTS
from daemons.problems import Problems
from daemons.worker.boxes import Boxes
from daemons.worker.builds import Builds
from daemons.worker.holdings import Held, Holdings
from daemons.worker.inspector import Inspector
from daemons.worker.judge import Means, judge
from daemons.worker.reporter import Reporter
from daemons.worker.runs import run_once
from daemons.worker.selftest import wait_mended
from daemons.worker.toolchains import Toolchain
from protocol.errors import RemoteProtocolError
from protocol.messages import Judgement, RunRequest, Verdict
from sandbox import Box, Sandbox, SandboxError

log = structlog.get_logger()

_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 2.0
#: How long the last word to the store may take once the judging is over or was stopped.
_LAST_WORD_S = 2.0
_RETRY_S = 0.2
#: How often a busy worker looks whether suspects wait, and how long it runs empty for them.
_LOOK_S = 2.0
_ROOM_S = 30.0
#: What the newest submission counts in the average pace: some twenty make it.
_PACE_WEIGHT = 0.1


@asynccontextmanager
async def _until(stopping: trio.Event) -> AsyncIterator[None]:
    """Cancel the block when *stopping* is set."""
    async with trio.open_nursery() as nursery:

        async def stop() -> None:
            await stopping.wait()
            nursery.cancel_scope.cancel(reason="stopping")

        nursery.start_soon(stop)
        yield
        nursery.cancel_scope.cancel(reason="done")


class Slots:
    """The boxes of one worker and what goes on in them."""

    def __init__(
        self,
        claims: Claims,
        holdings: Holdings,
        sandbox: Sandbox,
        inspector: Inspector,
        problems: Problems,
        toolchains: dict[str, Toolchain],
        builds: Builds,
        maxima: Limits,
    ) -> None:
        self._claims = claims
        self._holdings = holdings
        self._inspector = inspector
        self._problems = problems
        self._toolchains = toolchains
        self._builds = builds
        self._maxima = maxima
        self.count = len(sandbox.boxes)
        #: How many submissions are being handled, each in a box of its own.
        self.busy = 0
        self._inspecting = False
        #: How long a submission took of late, on average, in seconds; None before the first.
        self.judging_s: float | None = None
        #: Set, and replaced, whenever a box comes free.
        self._ended = trio.Event()
        self._look_at = 0.0
        self._boxes = Boxes([box for box in sandbox.boxes if box.id not in inspector.closed])

    async def serve(self, intake: Intake, stopping: trio.Event) -> None:
        """Judge what comes until *stopping*; return when everything begun has ended."""
        waiting = trio.CancelScope()

        async def stop() -> None:
            await stopping.wait()
            waiting.cancel(reason="stopping")
            await intake.unblock()

        async with trio.open_nursery() as attendants:
            attendants.start_soon(stop)
            async with trio.open_nursery() as judging:
                await self._dispatch(intake, stopping, waiting, judging)
            attendants.cancel_scope.cancel(reason="all slots are done")

    async def _dispatch(
        self,
        intake: Intake,
        stopping: trio.Event,
        waiting: trio.CancelScope,
        judging: trio.Nursery,
    ) -> None:
        failures, idle = 0, False
        with waiting:
            while True:
                await self._boxes.reserve()
                if (box := self._box_to_inspect(idle=idle)) is not None:
                    self._boxes.release()
                    self._inspecting = True
                    judging.start_soon(self._inspect, box, stopping)
                    continue
                alone = await self._make_room_for_suspects()
                with trio.CancelScope(shield=True):
                    popped, failures = await self._pop(intake, failures, alone)
                idle = popped is None and not failures
                if popped is not None:
                    self.busy += 1
                    done = trio.Event()
                    judging.start_soon(self._take, popped, stopping, done)
                    if popped.queue == "suspect":
                        await done.wait()  # alone: whatever it breaks, it breaks nobody else's
                    continue
                self._boxes.release()
                if failures:
                    limit_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2 ** min(failures, 8))
                    await trio.sleep(random.uniform(0, limit_s))

    def _box_to_inspect(self, *, idle: bool) -> Box | None:
        """Take a box that is due; one at a time, so that another can take what comes meanwhile."""
        if self._inspecting:
            return None
        return self._boxes.take_one(partial(self._inspector.is_due, idle=idle))

    async def _make_room_for_suspects(self) -> bool:
        """Let this worker run empty if suspects wait; return whether they come first now.

        Under a load that never ends it would never be empty by itself, and they would never run.
        """
        if not self.busy or trio.current_time() < self._look_at:
            return False
        self._look_at = trio.current_time() + _LOOK_S
        try:
            if not await self._claims.suspects():
                return False
        except StoreUnavailable:
            return False
        with trio.move_on_after(_ROOM_S):
            while self.busy:
                await self._ended.wait()
            return True
        # Something here takes very long, or a box is broken: another worker may have room.
        self._look_at = trio.current_time() + _ROOM_S
        return False

    async def _pop(self, intake: Intake, failures: int, alone: bool) -> tuple[Popped | None, int]:
        try:
            return await intake.pop(suspects=self.busy == 0, first=alone), 0
        except StoreUnavailable:
            return None, failures + 1

    async def _take(self, popped: Popped, stopping: trio.Event, done: trio.Event) -> None:
        """Handle one hint, whatever it is, in the box that is reserved for it."""
        box = await self._boxes.take()
        try:
            since = trio.current_time()
            reach("worker.popped")
            claim = await self._claims.claim(popped.partition, popped.element)
            if claim is None:
                return
            reach("worker.claimed")
            if claim.request_id:
                # In every line of this task and of those that it starts.
                structlog.contextvars.bind_contextvars(request_id=claim.request_id)
            log.info("claimed", submission=claim.submission_id, attempt=claim.attempt)
            if stopping.is_set():
                await self._claims.release(claim)
                return
            if not await self._hold(box, claim, since):
                await self._mend(box, stopping)
        except StoreUnavailable as exc:
            # Popped or claimed, it is in the store's indexes, and a sweep finds it.
            log.warning("store lost while taking", element=popped.element[:80], reason=str(exc))
        except RemoteProtocolError as exc:
            log.critical("unreadable request", element=popped.element, reason=str(exc))
        except Exception:  # one slot's boundary: the others go on
            log.critical("taking crashed", element=popped.element, exc_info=True)
        finally:
            self.busy -= 1
            self._boxes.give_back(box)
            done.set()
            self._ended.set()
            self._ended = trio.Event()

    async def _inspect(self, box: Box, stopping: trio.Event) -> None:
        """Attack *box* and give it back, or leave it closed."""
        holds = True
        async with _until(stopping):
            try:
                holds = await self._inspector.inspect(box)
            except (SandboxError, OSError) as exc:
                log.warning("box could not be inspected", box=box.id, reason=str(exc))
                await wait_mended(box, self._toolchains)
        self._inspecting = False
        if holds:
            self._boxes.give_back(box)

    async def _mend(self, box: Box, stopping: trio.Event) -> None:
        async with _until(stopping):
            await wait_mended(box, self._toolchains)

    async def _hold(self, box: Box, claim: Claim, since: float) -> bool:
        """Judge a claim, and see that the store hears how it ended; False if this host failed."""
        failed = False
        begun = trio.current_time()
        bound = log.bind(submission=claim.submission_id, attempt=claim.attempt)
        with self._holdings.hold(claim, since) as held:
            try:
                await self._judge(box, held)
            except* SandboxError as group:
                failed = True
                bound.error("sandbox failed", exc_info=group)
                await self._last_word(claim, drained=False)
            except* Exception as group:  # noqa: BLE001 - one slot's boundary: the others go on
                failed = True
                bound.critical("judging crashed", exc_info=group)
                await self._last_word(claim, drained=False)
        if not failed and not held.scope.cancelled_caught:
            self._note_pace(claim.request.language, trio.current_time() - begun)
        if held.scope.cancelled_caught:
            bound.warning("judging dropped", why=held.why or "no heartbeat got through")
            if held.why == "drain":
                await self._last_word(claim, drained=True)
        return not failed

    def _note_pace(self, language: str, took_s: float) -> None:
        JUDGING_SECONDS.labels(language).observe(took_s)
        before = took_s if self.judging_s is None else self.judging_s
        self.judging_s = before + _PACE_WEIGHT * (took_s - before)

    async def _judge(self, box: Box, held: Held) -> None:
        claim = held.claim
        reporter = Reporter(self._claims, claim, lambda: held.drop("fenced"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reporter.run)
            judgement = await self._judgement(box, claim, reporter)
            nursery.cancel_scope.cancel(reason="judged")
        held.settle()
        reach("worker.judged")
        while True:
            try:
                ours = await self._claims.finish(claim, judgement, *reporter.unsent)
            except StoreUnavailable:
                await trio.sleep(_RETRY_S)
                continue
            reach("worker.finished")
            if not ours:
                log.warning("fenced at the end", submission=claim.submission_id)
                return
            VERDICTS.labels(claim.request.language, judgement.verdict.value).inc()
            log.info("judged", submission=claim.submission_id, verdict=judgement.verdict.value)
            return

    async def _judgement(self, box: Box, claim: Claim, reporter: Reporter) -> Judgement:
        request = claim.request
        toolchain = self._toolchains.get(request.language)
        if toolchain is None:
            reason = f"this worker has no {request.language}; all workers must offer the same"
            return _unjudgeable(claim, reason)
        if isinstance(request, RunRequest):
            build = self._builds.compile
            return await run_once(box, toolchain, request, self._maxima, reporter.tell, build)
        problem = await self._problems.find(request.problem_id)
        if problem is None:
            return _unjudgeable(claim, self._why_unknown(request.problem_id))
        means = Means(
            build=self._builds.compile, borrow=self._boxes.borrow, toolchains=self._toolchains
        )
        judgement = await judge(box, problem, toolchain, request, reporter.tell, means)
        return msgspec.structs.replace(judgement, problem_version=problem.version)

    def _why_unknown(self, problem_id: str) -> str:
        if self._problems.why_refused(problem_id) is not None:
            return (
                f"the package of problem {problem_id!r} can't be judged; the worker's log says why"
            )
        return f"there is no problem {problem_id!r} any more: its package is gone from this worker"

    async def _last_word(self, claim: Claim, *, drained: bool) -> None:
        """Give an unjudged claim back; if the store does not hear it, the lease's end does it."""
        with trio.move_on_after(_LAST_WORD_S, shield=True):
            try:
                if drained:
                    await self._claims.release(claim)
                else:
                    await self._claims.fail(claim)
            except StoreUnavailable as exc:
                log.warning("not given back", submission=claim.submission_id, reason=str(exc))


def _unjudgeable(claim: Claim, reason: str) -> Judgement:
    log.error(reason, submission=claim.submission_id)
    return Judgement(verdict=Verdict.INTERNAL_ERROR, compile_output=reason)
