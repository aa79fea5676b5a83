"""The backend that is built: a launcher beside the worker, and a cell of namespaces per slot.

A :class:`LaunchedCell` speaks to its slot's warden, which keeps a run parked; the launcher forks a
warden for whoever asks, and is started anew when it has died.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from socket import socket

import trio

from sandbox import frames, job, launcher
from sandbox.blob import Blob
from sandbox.errors import SandboxError
from sandbox.exchange import pack_request, read_failure, read_result
from sandbox.image import Image
from sandbox.pipes import Pipes
from sandbox.result import Grade, Interpreter, Job, Result

_STOP_S = 8.0
_KILL_S = 6.0
_STDERR = 2
_GONE = "it or the slot's warden ended, and the run with it"

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
            raise SandboxError("launcher", 0, _GONE)
        return frame, fds


async def _send(sock: socket, frame: bytes, fds: list[int]) -> None:
    while True:
        try:
            return frames.send(sock, frame, fds)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)
        except (BrokenPipeError, ConnectionResetError) as exc:
            raise SandboxError("launcher", 0, _GONE) from exc
        except OSError as exc:  # no descriptor may be sent, no memory
            raise SandboxError.of("send", exc) from exc


def _close(sock: socket) -> None:
    trio.lowlevel.notify_closing(sock)
    sock.close()


class LaunchedCell:
    """A cell of namespaces, behind its warden; see :class:`sandbox.port.Cell`."""

    def __init__(self, backend: "LauncherBackend", number: int) -> None:
        self._backend = backend
        self._number = number
        self._warden: socket | None = None
        self._shown = 0
        self._is_running = False

    async def start(self) -> None:
        """Have the launcher fork a warden, and wait until the cell stands."""
        if self._shown != len(self._backend.shown):
            self.close()
        if self._warden is None:
            self._shown = len(self._backend.shown)
            self._warden = await self._backend.open_slot(self._number)

    async def run(self, wanted: Job, pipes: Pipes | None = None) -> Result:
        """Hand the job to the warden and return its outcome."""
        assert self._warden is not None, "start() comes first"
        opened: list[Blob] = []
        try:
            request, lent = pack_request(wanted, opened, self._backend.core_of(self._number), pipes)
            self._is_running = True
            await _send(self._warden, request, lent)
            if pipes is not None:
                pipes.close()  # whoever else holds an end keeps the other from seeing it
            frame, fds = await _receive(self._warden)
            if frame[:1] != job.DONE:
                raise read_failure(frame, fds)
            self._is_running = False
            return read_result(wanted.limits, self._backend.grade, frame, fds)
        except frames.FrameError as exc:
            raise SandboxError("frame", 0, str(exc)) from exc
        finally:
            for blob in opened:
                blob.close()

    async def kill(self) -> None:
        """Tell the warden to kill; one that does not answer is let go, and dies with its run."""
        if self._warden is None or not self._is_running:
            return
        self._is_running = done = False
        try:
            with trio.move_on_after(_KILL_S, shield=True):
                await _send(self._warden, job.KILL, [])
                frame, fds = await _receive(self._warden)
                frames.close_fds(fds)
                done = frame[:1] == job.DONE
        except SandboxError:
            done = False  # the warden is gone, and the run with it
        if not done:
            self.close()

    def close(self) -> None:
        """Close the warden's socket, at which it ends."""
        warden, self._warden = self._warden, None
        if warden is not None:
            _close(warden)


class LauncherBackend:
    """The launcher's process; see :class:`sandbox.port.Backend`."""

    def __init__(
        self,
        image: Image,
        interpreter: Interpreter | None,
        cores: Sequence[int],
        without: Sequence[str],
    ) -> None:
        self.grade = Grade.REDUCED
        self.shown: list[str] = []
        self._image = image
        self._interpreter = interpreter
        self._cores = cores
        self._without = without
        self._launcher: trio.Process | None = None
        self._control: socket | None = None
        self._starting = trio.Lock()

    def make_cell(self, number: int) -> LaunchedCell:
        """Return the cell of slot *number*, which does not stand yet."""
        return LaunchedCell(self, number)

    def core_of(self, number: int) -> int:
        """Return the core that programs of slot *number* run on, `ANY_CORE` if there is none."""
        return self._cores[number] if number < len(self._cores) else job.ANY_CORE

    def show(self, folder: str) -> None:
        """Add *folder* to the image of cells that start from now on."""
        self.shown.append(folder)

    async def start(self) -> None:
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
        kept = self._interpreter or Interpreter(argv=(), env={})
        start = launcher.pack_start(self._image, kept.argv, kept.env, self._without)
        await _send(ours, start, [])
        frame, fds = await _receive(ours)
        if frame[:1] != launcher.READY:
            raise read_failure(frame, fds)
        (full,), _ = frames.unpack_frame(frame, launcher.READY_HEAD, 0)
        self.grade = Grade.FULL if full else Grade.REDUCED

    async def open_slot(self, number: int) -> socket:
        """Return the socket of a new warden whose cell stands; restart a dead launcher first."""
        async with self._starting:
            if self._launcher is None or self._launcher.poll() is not None:
                await self.stop()
                await self.start()
            control = self._control
            if control is None:
                raise SandboxError("launcher", 0, "it is not running")
            ours, theirs = frames.make_pair()
            ours.setblocking(False)
            with theirs:
                # A look at a folder or two, which no thread is worth.
                shown = list(filter(os.path.isdir, self.shown))
                await _send(control, launcher.pack_open(number, shown), [theirs.fileno()])
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

    async def stop(self) -> None:
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
