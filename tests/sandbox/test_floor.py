"""The floor: runs beside each other, or one alone, and nobody waits for who has gone."""

from __future__ import annotations

import os
import signal
import time

import pytest
import trio
import trio.testing

from sandbox import Grade, Image, Job, Limits, open_sandbox, usual_paths
from sandbox.floor import Floor

from .drive import wait_until
from .test_privileges import sleepers

LIMITS = Limits(time_s=5, wall_s=90, memory_bytes=64 << 20, output_bytes=1000)


class Dancer:
    """A task on the floor; *on* while it is there."""

    def __init__(self, floor: Floor, *, alone: bool = False) -> None:
        self._floor = floor
        self._alone = alone
        self.on = False
        self.scope = trio.CancelScope()
        self._leave = trio.Event()

    async def run(self) -> None:
        """Enter, stay until told to leave or cancelled."""
        with self.scope:
            async with self._floor.enter(alone=self._alone):
                self.on = True
                try:
                    await self._leave.wait()
                finally:
                    self.on = False

    async def leave(self) -> None:
        """Tell it to leave, and let the others move."""
        self._leave.set()
        await trio.testing.wait_all_tasks_blocked()


async def dance(nursery: trio.Nursery, floor: Floor, *, alone: bool = False) -> Dancer:
    """Start a task that enters the floor as soon as it may."""
    dancer = Dancer(floor, alone=alone)
    nursery.start_soon(dancer.run)
    await trio.testing.wait_all_tasks_blocked()
    return dancer


async def test_alone_waits_for_those_who_run_and_newcomers_for_it() -> None:
    """Nobody runs beside it, and a stream of newcomers can't keep it waiting."""
    floor = Floor()
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            first, second = [await dance(nursery, floor) for _ in range(2)]
            alone = await dance(nursery, floor, alone=True)
            newcomer = await dance(nursery, floor)
            other = await dance(nursery, floor, alone=True)
            assert [d.on for d in (first, second, alone, newcomer, other)] == [1, 1, 0, 0, 0]
            await first.leave()
            assert not alone.on
            await second.leave()
            for _ in range(2):
                [now] = [dancer for dancer in (alone, other, newcomer) if dancer.on]
                assert now is not newcomer
                await now.leave()
            assert newcomer.on
            await newcomer.leave()


async def test_who_gives_up_holds_up_nobody() -> None:
    """Cancelled while it waits for its turn, or while it is alone, it lets the others go on."""
    floor = Floor()
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            runs = await dance(nursery, floor)
            waits = await dance(nursery, floor, alone=True)
            newcomer = await dance(nursery, floor)
            waits.scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert newcomer.on
            await newcomer.leave()
            await runs.leave()
            alone = await dance(nursery, floor, alone=True)
            next_ = await dance(nursery, floor)
            assert (alone.on, next_.on) == (True, False)
            alone.scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert next_.on
            next_.scope.cancel()


@pytest.mark.parametrize("alone", [False, True])
async def test_who_is_cancelled_already_does_not_enter(alone: bool) -> None:
    """Not even where there is nobody to wait for: a run that has begun may end before it is noticed."""
    floor = Floor()
    with trio.CancelScope() as scope:
        scope.cancel()
        async with floor.enter(alone=alone):
            pytest.fail("it is on the floor")
    assert scope.cancelled_caught


WAITS = Job(argv=("/bin/sleep", "1000"), limits=LIMITS)
TELLS = Job(
    argv=("/usr/bin/python3", "-c", "import time; print(time.monotonic())"),
    limits=LIMITS,
    alone=True,
)


async def test_boxes_run_nothing_beside_a_run_alone() -> None:
    """Of real runs in boxes, two go on side by side, and the one alone begins when both have ended."""
    with trio.fail_after(120):
        async with open_sandbox(
            slots=3, image=Image(usual_paths()), grade=Grade.REDUCED
        ) as sandbox:
            told: list[float] = []

            async def run_alone() -> None:
                result = await sandbox.boxes[2].run(TELLS)
                told.append(float(result.stdout))

            async with trio.open_nursery() as nursery:
                for box in sandbox.boxes[:2]:
                    nursery.start_soon(box.run, WAITS)
                await wait_until(lambda: len(sleepers()) == 2)
                nursery.start_soon(run_alone)
                for pid in sleepers():
                    # Time for a run that does not wait; one that does takes as much as there is.
                    await trio.sleep(0.1)
                    both_ended = time.monotonic()
                    os.kill(pid, signal.SIGKILL)
                    await wait_until(lambda pid=pid: pid not in sleepers())
    assert both_ended < told[0]
