"""Boxes that run one program at a time, on whatever backend makes their cells."""

import fcntl
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from sandbox import frames
from sandbox.errors import SandboxError
from sandbox.floor import Floor
from sandbox.image import Image
from sandbox.launched import LauncherBackend
from sandbox.pipes import Pipes, make_pipes
from sandbox.port import Backend, Cell
from sandbox.result import Grade, Interpreter, Job, Result

_START_S = 15.0
# Beyond this after the wall limit a cell has lost its way.
_OVERDUE_S = 20.0
_MOST_SLOTS = 128


class Box:
    """One slot of the sandbox: runs one program at a time."""

    def __init__(self, sandbox: "Sandbox", number: int, cell: Cell) -> None:
        self.id = number
        self._sandbox = sandbox
        self._cell = cell
        self._busy = False

    @property
    def grade(self) -> Grade:
        """How much of the confinement this host enforces."""
        return self._sandbox.grade

    @property
    def interpreter(self) -> Interpreter | None:
        """What runs of its command fork from."""
        return self._sandbox.interpreter

    async def run(self, wanted: Job) -> Result:
        """Run one program in fresh confinement and return what became of it.

        Cancellation kills every process of the run at once, waits until all are gone (shielded, at
        most a few seconds), then goes on as Cancelled.

        Raises:
            SandboxError: this host failed; nothing of the run is left, and the next one starts
                anew. A name in *files* that is not a plain one is such a failure, too.
            RuntimeError: a run is already in progress in this box.
        """
        if self._busy:
            raise RuntimeError(f"box {self.id} is running another job")
        self._busy = True
        try:
            async with self._sandbox.floor.enter(alone=wanted.alone):
                await self._start()
                return await self._run(wanted)
        finally:
            self._busy = False

    async def converse(self, wanted: Job, partner: Job) -> tuple[Result, Result]:
        """Run two programs that talk, each in a box of its own; return what became of each.

        What one writes is what the other reads, and their `stdin` does not count. The end of one
        shows to the other as the end of its input; `ended_s` of the results says which was
        first. What a program writes when the other has ended is dropped. Cancellation is that
        of `run`, for both.

        Raises:
            SandboxError: this host failed; in a group.
            RuntimeError: a run is already in progress in this box.
        """
        if self._busy:
            raise RuntimeError(f"box {self.id} is running another job")
        self._busy = True
        results: dict[str, Result] = {}
        # Each passes on what is left when it has ended, for which it waits for the other.
        wall_s = max(wanted.limits.wall_s, partner.limits.wall_s)
        ends = make_pipes()
        try:
            other = self._sandbox._companion(self.id)

            async def run(name: str, box: Box, job: Job, pipes: Pipes) -> None:
                results[name] = await box._run(job, pipes, wall_s)

            # They enter as one: each needs the other to get on.
            async with self._sandbox.floor.enter(alone=False):
                await self._start()
                await other._start()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(run, "wanted", self, wanted, ends[0])
                    nursery.start_soon(run, "partner", other, partner, ends[1])
        finally:
            self._busy = False
            for pipes in ends:
                pipes.close()
        return results["wanted"], results["partner"]

    async def _start(self) -> None:
        with trio.move_on_after(_START_S) as scope:
            await self._cell.start()
        if scope.cancelled_caught:
            raise SandboxError("slot", 0, f"slot {self.id} did not stand in {_START_S:.0f} s")

    async def _run(
        self, wanted: Job, pipes: Pipes | None = None, wall_s: float | None = None
    ) -> Result:
        result = None
        wall_s = wanted.limits.wall_s if wall_s is None else wall_s
        try:
            with trio.move_on_after(wall_s + _OVERDUE_S):
                result = await self._cell.run(wanted, pipes)
        finally:
            if result is None:
                await self._cell.kill()  # noqa: ASYNC102 - it shields and bounds itself
        if result is None:
            raise SandboxError("slot", 0, f"slot {self.id} gave no answer in time")
        return result


class Sandbox:
    """Boxes whose cells one backend makes; made by :func:`open_sandbox`."""

    def __init__(self, backend: Backend, slots: int, interpreter: Interpreter | None) -> None:
        self.interpreter = interpreter
        self.floor = Floor()
        self._backend = backend
        self._cells = [backend.make_cell(number) for number in range(slots)]
        self.boxes: Sequence[Box] = tuple(
            Box(self, number, cell) for number, cell in enumerate(self._cells)
        )
        #: Boxes for programs that talk with those in the others, by the number of these.
        self._companions: dict[int, Box] = {}
        self._locks: list[int] = []

    @property
    def grade(self) -> Grade:
        """How much of the confinement this host enforces."""
        return self._backend.grade

    def show(self, folder: Path) -> None:
        """Let programs see *folder*, too: each box from its next run on, for a tenth of a second.

        Nothing in it may change any more, for what a box shows is a layer of its file system. A
        shared lock (flock) on the folder says so to whoever would remove it, as long as the sandbox
        is open.

        Raises:
            OSError: the folder is gone, or somebody is removing it.
        """
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise
        self._locks.append(lock)
        self._backend.show(str(folder))

    def _companion(self, number: int) -> Box:
        """Return the box beside box *number*, made when it is first needed."""
        if number not in self._companions:
            beside = len(self.boxes) + number
            if beside >= _MOST_SLOTS:
                raise SandboxError("slot", 0, f"programs can only talk in {_MOST_SLOTS // 2} slots")
            self._cells.append(self._backend.make_cell(beside))
            self._companions[number] = Box(self, beside, self._cells[-1])
        return self._companions[number]

    async def _start(self, least: Grade) -> None:
        with trio.move_on_after(_START_S) as scope:
            await self._backend.start()
            if least is Grade.FULL and self.grade is Grade.REDUCED:
                raise SandboxError("grade", 0, _GRADE_HINT)
            for cell in self._cells:
                await cell.start()
        if scope.cancelled_caught:
            raise SandboxError("launcher", 0, f"not ready within {_START_S:.0f} s")

    async def _stop(self) -> None:
        for cell in self._cells:
            cell.close()
        await self._backend.stop()
        frames.close_fds(self._locks)
        self._locks = []


@asynccontextmanager
async def open_sandbox(
    *,
    slots: int,
    image: Image,
    grade: Grade = Grade.FULL,
    interpreter: Interpreter | None = None,
    cores: Sequence[int] = (),
    _without: Sequence[str] = (),
) -> AsyncIterator[Sandbox]:
    """Start a launcher with *slots* boxes; on leaving, everything below it is gone.

    Args:
        slots: Programs that can run at a time, at most 128.
        image: What programs see of the host.
        grade: The least that is accepted of this host.
        interpreter: What runs of its command fork from, instead of starting one each.
        cores: Where the programs of each box stay; without it they use what this process may use.

    Raises:
        SandboxError: this host can't confine programs, or not at *grade*.
    """
    if not 1 <= slots <= _MOST_SLOTS:
        raise ValueError(f"slots must be between 1 and {_MOST_SLOTS}, not {slots}")
    backend = LauncherBackend(image, interpreter, cores, _without)
    sandbox = Sandbox(backend, slots, interpreter)
    try:
        await sandbox._start(grade)
        yield sandbox
    finally:
        await sandbox._stop()  # noqa: ASYNC102 - it shields and bounds itself


_GRADE_HINT = (
    "this user may not make control groups for memory, pids and cpuacct, so limits could only be "
    'sampled; start Gavel as root, or accept it with [sandbox] grade = "reduced"'
)
