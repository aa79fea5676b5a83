"""A parked run, seen from outside: its tmpfs, socket, output pipes, account; and how it ends."""

import os
import select
import signal

from sandbox import frames, mounts, namespaces, run
from sandbox.account import Account
from sandbox.errors import SandboxError
from sandbox.handle import CellHandle, describe

#: Size and inodes of a box before its job is known; the defaults of sandbox.result.Limits.
DEFAULT_BOX = (64 << 20, 4096)
_PARK_S = 10.0
# A killed run is gone within milliseconds; a namespace that is not after this is given up.
_KILL_S = 5.0


class ParkedRun:
    """A run that waits for its job, and all that belongs to it."""

    def __init__(
        self, cell: CellHandle, number: int, owner: int, account: Account, doors: list[int]
    ) -> None:
        self.account = account
        self._cell = cell
        self._number = number
        self._stage = "at its start"
        self.box = mounts.make_box(owner, owner, *DEFAULT_BOX)
        self.folder = os.open("box", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.box)
        self.control, theirs = frames.make_pair()
        self.stdout, out = os.pipe2(os.O_CLOEXEC)
        self.stderr, err = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.stdout, False)
        os.set_blocking(self.stderr, False)
        self.pidfd = -1
        self._is_parked = False
        cell.park(number, [theirs.fileno(), self.box, out, err, *doors])
        theirs.close()
        frames.close_fds([out, err, *doors])

    def wait_parked(self) -> None:
        """Wait until every step of the confinement is taken; raises SandboxError."""
        self.control.settimeout(_PARK_S)
        while not self._is_parked:
            try:
                frame, fds = frames.receive(self.control)
            except TimeoutError as exc:
                late = f"not parked within {_PARK_S:.0f} s, but {self._stage}"
                raise SandboxError("park", 0, late) from exc
            self._hear(frame, fds)
        self.control.settimeout(None)

    def _hear(self, frame: bytes, fds: list[int]) -> None:
        """Note how far the run has come; raises SandboxError if it has ended."""
        if frame[:1] == run.ALIVE and len(fds) == 1:
            self.pidfd = fds[0]
            self._stage = "during its confinement"
        elif frame == run.PARKED:
            self._is_parked = True
            self._stage = "while parked"
        elif frame[:1] == run.FAILED:
            raise run.read_failure(frame)
        elif frame[:1] == run.ENDED:
            (status, _, _), _ = frames.unpack_frame(frame, run.ENDED_HEAD, 0)
            raise SandboxError("park", 0, f"the child {describe(status)} {self._stage}")
        else:
            raise self.explain_death()

    def go(self, frame: bytes, stdin: int) -> None:
        """Start the program; raises SandboxError if the run has ended while it was parked."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        if not poll.poll(0):
            try:
                frames.send(self.control, frame, [stdin])
            except (BrokenPipeError, ConnectionResetError):
                pass
            else:
                self._stage = "after go"
                return
        # What is parked says nothing. The kernel may have ended it for want of memory.
        while True:
            self._hear(*frames.receive(self.control))

    def explain_death(self) -> SandboxError:
        """Return the error for a run-init that has closed its socket without a report."""
        return self._cell.explain(self._number, self._stage)

    def kill(self) -> None:
        """Kill every process of the run and wait until all are gone; raises SandboxError."""
        namespaces.send_signal(self.pidfd, signal.SIGKILL)
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        if not poll.poll(_KILL_S * 1000):
            raise SandboxError("kill", 0, f"a run survived for {_KILL_S:.0f} s")

    def close(self) -> None:
        """Give everything back; the tmpfs goes with its last descriptor."""
        self.control.close()
        frames.close_fds([self.folder, self.box, self.stdout, self.stderr, self.pidfd])
        self.account.close()
