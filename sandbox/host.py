"""Boxes that run one program at a time, on whatever backend makes their cells."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from sandbox.errors import SandboxError
from sandbox.floor import Floor
from sandbox.image import Image
from sandbox.launched import LauncherBackend
from sandbox.port import Backend, Cell
from sandbox.result import Grade, Interpreter, Job, Result

_START_S = 15.0
# Beyond this after the wall limit a cell has lost its way.
_OVERDUE_S = 20.0


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

    async def _start(self) -> None:
        with trio.move_on_after(_START_S) as scope:
            await self._cell.start()
        if scope.cancelled_caught:
            raise SandboxError("slot", 0, f"slot {self.id} did not stand in {_START_S:.0f} s")

    async def _run(self, wanted: Job) -> Result:
        result = None
        try:
            with trio.move_on_after(wanted.limits.wall_s + _OVERDUE_S):
                result = await self._cell.run(wanted)
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

    @property
    def grade(self) -> Grade:
        """How much of the confinement this host enforces."""
        return self._backend.grade

    def show(self, folder: Path) -> None:
        """Let programs see *folder*, too: each box from its next run on, for a tenth of a second.

        Nothing in it may change any more, for what a box shows is a layer of its file system.
        """
        self._backend.show(str(folder))

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


@asynccontextmanager
async def open_sandbox(
    *,
    slots: int,
    image: Image,
    grade: Grade = Grade.FULL,
    interpreter: Interpreter | None = None,
    _without: Sequence[str] = (),
) -> AsyncIterator[Sandbox]:
    """Start a launcher with *slots* boxes; on leaving, everything below it is gone.

    Args:
        slots: Programs that can run at a time, at most 128.
        image: What programs see of the host.
        grade: The least that is accepted of this host.
        interpreter: What runs of its command fork from, instead of starting one each.

    Raises:
        SandboxError: this host can't confine programs, or not at *grade*.
    """
    if not 1 <= slots <= 128:
        raise ValueError(f"slots must be between 1 and 128, not {slots}")
    sandbox = Sandbox(LauncherBackend(image, interpreter, _without), slots, interpreter)
    try:
        await sandbox._start(grade)
        yield sandbox
    finally:
        await sandbox._stop()  # noqa: ASYNC102 - it shields and bounds itself


_GRADE_HINT = (
    "this user may not make control groups for memory, pids and cpuacct, so limits could only be "
    'sampled; start Gavel as root, or accept it with [sandbox] grade = "reduced"'
)
