"""The port: what a box asks of a cell, shown with a backend that confines nothing."""

import subprocess
from collections.abc import Callable

import pytest
import trio
import trio.testing

from sandbox import Grade, Job, Limits, Result, RunStatus, Sandbox, SandboxError, host
from sandbox.pipes import Pipes
from sandbox.port import Cell

LIMITS = Limits(time_s=5, wall_s=10, memory_bytes=256 << 20, output_bytes=1 << 20)
ECHO = Job(argv=("/bin/echo", "fine"), limits=LIMITS)
SLEEP = Job(argv=("/bin/sleep", "1000"), limits=LIMITS)


class BareCell:
    """Starts each program as a plain process of the host."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail
        self._process: trio.Process | None = None
        self.calls: list[str] = []

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._fail(call)

    async def start(self) -> None:
        """Nothing needs to stand."""
        self._note("start")
        await trio.lowlevel.checkpoint()

    async def run(self, wanted: Job, pipes: Pipes | None = None) -> Result:
        """Run it and measure nothing."""
        self._note("run")
        self._process = await trio.lowlevel.open_process(list(wanted.argv), stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        output = await self._process.stdout.receive_some()
        await self._process.wait()
        return Result(
            status=RunStatus.OK, ended_s=0.0, stdout=output, stderr=b"", exit_code=self._process.returncode,
            signal=None, time_s=0, wall_s=0, memory_bytes=0, files={}, tier="exec",
            grade=Grade.REDUCED, memory_source="rusage",
        )  # fmt: skip

    async def kill(self) -> None:
        """Kill the process, if there is one."""
        self._note("kill")
        with trio.CancelScope(shield=True):
            if self._process is not None:
                self._process.kill()
                await self._process.wait()

    def close(self) -> None:
        """Nothing is held."""
        self.calls.append("close")


class BareBackend:
    """Makes bare cells."""

    grade = Grade.REDUCED

    def __init__(self, fail: Callable[[str], None] = lambda _call: None) -> None:
        self._fail = fail
        self.cells: list[BareCell] = []

    async def start(self) -> None:
        """Nothing is shared."""

    def make_cell(self, _number: int) -> Cell:
        """Return a cell."""
        self.cells.append(BareCell(self._fail))
        return self.cells[-1]

    def show(self, _folder: str) -> None:
        """Programs see the whole host."""

    async def stop(self) -> None:
        """Nothing is left."""


async def test_box_runs_on_any_backend_and_kills_what_is_cancelled() -> None:
    """A box starts its cell before each run, and kills exactly the run that gave no result."""
    backend = BareBackend()
    (box,) = Sandbox(backend, 1, None).boxes
    (cell,) = backend.cells
    with trio.fail_after(120):
        assert (await box.run(ECHO)).stdout == b"fine\n"
        assert cell.calls == ["start", "run"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.run, SLEEP)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError):
                await box.run(ECHO)
            nursery.cancel_scope.cancel()
        assert cell.calls == ["start", "run"] * 2 + ["kill"]
        assert (await box.run(ECHO)).stdout == b"fine\n"


async def test_box_bounds_what_a_cell_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that never comes back is killed, some seconds after its wall limit, as our failure."""
    monkeypatch.setattr(host, "_OVERDUE_S", 0.1)
    backend = BareBackend()
    (box,) = Sandbox(backend, 1, None).boxes
    hasty = Limits(time_s=1, wall_s=0.1, memory_bytes=1 << 20, output_bytes=100)
    with trio.fail_after(120), pytest.raises(SandboxError, match="no answer in time"):
        await box.run(Job(argv=SLEEP.argv, limits=hasty))
    assert backend.cells[0].calls == ["start", "run", "kill"]


@pytest.mark.parametrize("failing", ["start", "run"])
async def test_cell_that_fails_ends_its_run_only(failing: str) -> None:
    """What a cell raises reaches the caller, and the box is free for the next."""
    broken = [failing]

    def fail(call: str) -> None:
        if call in broken:
            broken.clear()
            raise SandboxError(call, 0, "broken")

    (box,) = Sandbox(BareBackend(fail), 1, None).boxes
    with trio.fail_after(120):
        with pytest.raises(SandboxError, match="broken"):
            await box.run(ECHO)
        assert (await box.run(ECHO)).stdout == b"fine\n"
