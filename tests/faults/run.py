"""Play faults side by side and judge them; print what came of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import httpx2
import redis
import trio

from tests.faults.fault import Fault, TooLate
from tests.faults.ground import Ground
from tests.faults.opening import open_ground

#: So long a fault may take in all, on a machine that is slow; then it has hung.
FAULT_S = 900.0
#: What is raised where a bound of time has passed, by us or by a library.
LATE = (
    *(TooLate, trio.TooSlowError, TimeoutError),
    *(subprocess.TimeoutExpired, httpx2.TimeoutException, redis.TimeoutError),
)


class Outcome(NamedTuple):
    """What came of a fault; `verdict` is ``passed``, ``FAILED`` or ``not here``.

    *late* says that it failed of a bound of time, and of nothing else.
    """

    fault: Fault
    verdict: str
    observed: str
    took_s: float
    late: bool = False

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "number": self.fault.number,
            "fault": self.fault.name,
            "injected": self.fault.injected,
            "control": bool(self.fault.must_fail),
            "observed": self.observed,
            "verdict": self.verdict,
            "took_s": round(self.took_s, 1),
        }

    def line(self) -> str:
        """Return it for people."""
        name = f"{self.fault.number:>2} {self.fault.name}"
        injected = f"\n{'':5}injected: {self.fault.injected}" if self.fault.injected else ""
        return f"{self.verdict:8} {name} ({self.took_s:.0f} s){injected}\n{'':5}observed: {self.observed}"


async def play(fault: Fault) -> Outcome:
    """Play one fault and judge it."""
    begun = trio.current_time()
    if fault.absent:
        return Outcome(fault, "not here", fault.absent, 0.0)
    observed, failed, late = "", "", False
    try:
        with trio.fail_after(FAULT_S):
            observed = await _play(fault)
    except Exception as exc:  # noqa: BLE001 - whatever goes wrong, the fault has failed of it
        losses = [each for each in leaves(exc) if not isinstance(each, LATE)]
        failed, late = _said([*losses, *leaves(exc)][0]), not losses
    took_s = trio.current_time() - begun
    if fault.must_fail:
        found = fault.must_fail in failed
        what = f"fails as it must: {failed}" if found else f"does not see it: {failed or observed}"
        verdict = "passed" if found else "FAILED"
        return Outcome(fault, verdict, what[:300], took_s, late and not found)
    return Outcome(fault, "FAILED" if failed else "passed", failed or observed, took_s, late)


async def _play(fault: Fault) -> str:
    if fault.setup.bare:
        return await fault.play(cast("Ground", None))
    async with open_ground(fault.setup) as ground:
        try:
            observed = await fault.play(ground)
            if fault.setup.checked:
                await ground.settle()
                await ground.check_restarts()
                await ground.check_descriptors()
        except BaseException:
            if not fault.must_fail:
                print(
                    f"--- log of {fault.number} {fault.name}\n{ground.log()[-6000:]}",
                    file=sys.stderr,
                )
            raise
    return observed


def leaves(exc: BaseException) -> Iterator[BaseException]:
    """Yield all that went wrong: the parts of groups, and an assertion that failed before that."""
    if isinstance(exc, BaseExceptionGroup):
        for each in exc.exceptions:
            yield from leaves(each)
    else:
        yield exc
    # What is late at the end of it all must not hide what had been found by then.
    if exc.__context__ is not None:
        yield from (each for each in leaves(exc.__context__) if isinstance(each, AssertionError))


def _said(exc: BaseException) -> str:
    # A bare `assert` says nothing but where it stands.
    places = traceback.extract_tb(exc.__traceback__)[-1:]
    where = [f"{Path(each.filename).name}:{each.lineno}: {each.line}" for each in places]
    return f"{type(exc).__name__}: {str(exc) or ''.join(where)}"[:600]


async def play_all(faults: Sequence[Fault], jobs: int, *, show: bool) -> list[Outcome]:
    """Play *faults*, so many at a time; return what came of them, in the order of the list.

    What was too late beside others is played once more alone, and that counts: the others were
    what took its time. Whatever else is wrong is wrong.
    """
    outcomes: dict[int, Outcome] = {}
    places = trio.CapacityLimiter(jobs)

    async def play_one(place: int) -> None:
        async with places:
            outcome = await play(faults[place])
        if place in outcomes:
            told = f"{outcome.observed}; too late before: {outcomes[place].observed}"
            outcome = outcome._replace(observed=told)
        outcomes[place] = outcome
        if show:
            print(outcome.line(), flush=True)

    async with trio.open_nursery() as attendants:
        attendants.start_soon(_stop_on_signal, attendants.cancel_scope)
        async with trio.open_nursery() as nursery:
            for place, fault in enumerate(faults):
                if not fault.setup.alone:
                    nursery.start_soon(play_one, place)
        for place, fault in enumerate(faults):
            if fault.setup.alone:
                await play_one(place)
        for place in [place for place, outcome in outcomes.items() if outcome.late]:
            await play_one(place)
        attendants.cancel_scope.cancel(reason="all are played")
    return [outcomes[place] for place in sorted(outcomes)]


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    """Stop all systems, rather than leave them behind, when this is told to end."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel(reason="told to end")


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the table in short."""
    rows = [
        f"{each.fault.number:>2}  {each.verdict:8} {each.took_s:5.0f} s  {each.fault.name}"
        for each in outcomes
    ]
    return "\n".join(rows)


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the table for programs."""
    return json.dumps([each.as_json() for each in outcomes], indent=1)
