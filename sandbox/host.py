"""The worker's side: start the launcher, hand jobs to boxes, survive the launcher's death."""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import trio

from sandbox import frames, job, launcher
from sandbox.blob import Blob
from sandbox.errors import SandboxError
from sandbox.exchange import pack_request, read_failure, read_result
from sandbox.floor import Floor
from sandbox.image import Image
from sandbox.result import Grade, Interpreter, Job, Result

_START_S = 15.0
_STOP_S = 8.0
_KILL_S = 6.0
_STDERR = 2
# Beyond this after the wall limit a warden has lost its way.
_OVERDUE_S = 20.0

# The package's __init__ would import Trio, which the launcher must not carry: it stays small and
# forks cheaply. So it gets a bare package of the same name and place.
_BOOTSTRAP = """
import sys, types
package = types.ModuleType("sandbox")
package.__path__ = [sys.argv[2]]
sys.modules["sandbox"] = package
from sandbox.launcher import main
sys.exit(main(int(sys.argv[1])))
"""


def launcher_command(fd: int) -> list[str]:
    """Return the command of a launcher that is spoken to over *fd*."""
    folder = str(Path(__file__).parent)
    return [sys.executable, "-I", "-S", "-B", "-c", _BOOTSTRAP, str(fd), folder]


async def _receive(sock: socket) -> tuple[bytes, list[int]]:
    """Return the next frame; raises SandboxError when the other end is gone."""
    while True:
        try:
            frame, fds = frames.receive(sock)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(sock)
            continue
        except (ConnectionResetError, frames.FrameError) as exc:
            raise SandboxError("launcher", 0, str(exc)) from exc
        if not frame:
            raise SandboxError("launcher", 0, "it ended, and every run with it")
        return frame, fds


async def _send(sock: socket, frame: bytes, fds: list[int]) -> None:
    while True:
        try:
            return frames.send(sock, frame, fds)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)
        except (BrokenPipeError, ConnectionResetError) as exc:
            raise SandboxError("launcher", 0, "it ended, and every run with it") from exc


def _close(sock: socket) -> None:
    trio.lowlevel.notify_closing(sock)
    sock.close()


class Box:
    """One slot of the sandbox: runs one program at a time."""

    def __init__(self, sandbox: "Sandbox", number: int) -> None:
        self.id = number
        self._sandbox = sandbox
        self._warden: socket | None = None
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
                return await self._run(wanted)
        except frames.FrameError as exc:
            raise SandboxError("frame", 0, str(exc)) from exc
        finally:
            self._busy = False

    async def _run(self, wanted: Job) -> Result:
        opened: list[Blob] = []
        try:
            request, lent = pack_request(wanted, opened)
            warden = await self._ready_warden()
            finished = False
            # What was sent is the caller's to close: it must not pass for what came back.
            frame, fds = b"", list[int]()
            try:
                with trio.move_on_after(wanted.limits.wall_s + _OVERDUE_S):
                    await _send(warden, request, lent)
                    frame, fds = await _receive(warden)
                    finished = frame[:1] == job.DONE
            finally:
                if not finished:
                    await self._abandon()  # noqa: ASYNC102 - it shields and bounds itself
        finally:
            for blob in opened:
                blob.close()
        if not finished:
            raise read_failure(frame, fds)
        return read_result(wanted.limits, self._sandbox.grade, frame, fds)

    async def _ready_warden(self) -> socket:
        if self._warden is None:
            with trio.move_on_after(_START_S) as scope:
                self._warden = await self._sandbox._open_slot(self.id)
            if scope.cancelled_caught or self._warden is None:
                raise SandboxError("slot", 0, f"slot {self.id} did not stand in {_START_S:.0f} s")
        return self._warden

    async def _abandon(self) -> None:
        """End the run in progress, and the slot with it when it does not answer."""
        warden, self._warden = self._warden, None
        if warden is None:
            return
        done = False
        try:
            with trio.move_on_after(_KILL_S, shield=True):
                await _send(warden, job.KILL, [])
                frame, fds = await _receive(warden)
                frames.close_fds(fds)
                done = frame[:1] == job.DONE
        except SandboxError:
            done = False  # the warden is gone, and the run with it
        if done:
            self._warden = warden
        else:
            _close(warden)

    def _forget(self) -> None:
        warden, self._warden = self._warden, None
        if warden is not None:
            _close(warden)


class Sandbox:
    """Boxes that share one launcher; made by :func:`open_sandbox`."""

    def __init__(
        self, slots: int, image: Image, interpreter: Interpreter | None, without: Sequence[str]
    ) -> None:
        self.grade = Grade.REDUCED
        self.boxes: Sequence[Box] = tuple(Box(self, number) for number in range(slots))
        self._image = image
        self.interpreter = interpreter
        self._without = without
        self._launcher: trio.Process | None = None
        self._control: socket | None = None
        self._starting = trio.Lock()
        self.floor = Floor()

    async def _start(self) -> None:
        """Start the launcher and wait until it knows this host; raises SandboxError."""
        ours, theirs = frames.make_pair()
        ours.setblocking(False)
        try:
            command = launcher_command(theirs.fileno())
            try:
                self._launcher = await trio.lowlevel.open_process(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=_STDERR,  # nothing down there may speak on our stdout
                    pass_fds=[theirs.fileno()],
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as exc:
                raise SandboxError("launcher", exc.errno or 0, sys.executable) from exc
            self._control = ours
        finally:
            theirs.close()
        kept = self.interpreter or Interpreter(argv=(), env={})
        start = launcher.pack_start(self._image, kept.argv, kept.env, self._without)
        await _send(ours, start, [])
        frame, fds = await _receive(ours)
        if frame[:1] != launcher.READY:
            raise read_failure(frame, fds)
        (full,), _ = frames.unpack_frame(frame, launcher.READY_HEAD, 0)
        self.grade = Grade.FULL if full else Grade.REDUCED

    async def _open_slot(self, number: int) -> socket:
        """Return the socket of a new warden whose cell stands; restart a dead launcher first."""
        async with self._starting:
            if self._launcher is None or self._launcher.poll() is not None:
                await self._stop()
                await self._start()
            control = self._control
            if control is None:
                raise SandboxError("launcher", 0, "it is not running")
            ours, theirs = frames.make_pair()
            ours.setblocking(False)
            with theirs:
                frame = frames.pack_frame(launcher.OPEN, launcher.OPEN_HEAD.pack(number))
                await _send(control, frame, [theirs.fileno()])
        up = False
        try:
            frame, fds = await _receive(ours)
            if frame not in (job.UP, job.UP_SHARED):
                raise read_failure(frame, fds)
            up = True
        finally:
            if not up:
                _close(ours)
        return ours

    async def _stop(self) -> None:
        """Close the launcher's socket, at which it takes down everything, and wait for it."""
        process, self._launcher = self._launcher, None
        control, self._control = self._control, None
        if control is not None:
            _close(control)
        if process is None:
            return
        with trio.move_on_after(_STOP_S, shield=True):
            await process.wait()
        if process.poll() is None:
            process.kill()  # its wardens and their cells are tied to its life
            with trio.CancelScope(shield=True):
                await process.wait()


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
    sandbox = Sandbox(slots, image, interpreter, _without)
    try:
        with trio.move_on_after(_START_S) as scope:
            await sandbox._start()
            if grade is Grade.FULL and sandbox.grade is Grade.REDUCED:
                raise SandboxError("grade", 0, _GRADE_HINT)
            for box in sandbox.boxes:
                await box._ready_warden()
        if scope.cancelled_caught:
            raise SandboxError("launcher", 0, f"not ready within {_START_S:.0f} s")
        yield sandbox
    finally:
        for box in sandbox.boxes:
            box._forget()
        await sandbox._stop()  # noqa: ASYNC102 - it shields and bounds itself


_GRADE_HINT = (
    "this user may not make control groups for memory, pids and cpuacct, so limits could only be "
    'sampled; start Gavel as root, or accept it with [sandbox] grade = "reduced"'
)
