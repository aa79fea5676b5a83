"""A parked run, seen from outside: its tmpfs, socket, output pipes, account; and how it ends."""

import os
import select
import signal
import socket

from sandbox import cell, frames, mounts, namespaces, run
from sandbox.account import Account
from sandbox.errors import SandboxError

#: Size and inodes of a box before its job is known; the defaults of sandbox.result.Limits.
DEFAULT_BOX = (64 << 20, 4096)
_PARK_S = 10.0
# A killed run is gone within milliseconds; a namespace that is not after this is given up.
_KILL_S = 5.0


class ParkedRun:
    """A run that waits for its job, and all that belongs to it."""

    def __init__(self, cell_socket: socket.socket, owner: int, account: Account, doors: list[int]):
        self.account = account
        self.box = mounts.make_box(owner, owner, *DEFAULT_BOX)
        self.folder = os.open("box", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.box)
        self.control, theirs = frames.make_pair()
        self.stdout, out = os.pipe2(os.O_CLOEXEC)
        self.stderr, err = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.stdout, False)
        os.set_blocking(self.stderr, False)
        self.pidfd = -1
        self._is_parked = False
        cell.park(cell_socket, [theirs.fileno(), self.box, out, err, *doors])
        theirs.close()
        frames.close_fds([out, err, *doors])

    def wait_parked(self) -> None:
        """Wait until every step of the confinement is taken; raises SandboxError."""
        self.control.settimeout(_PARK_S)
        while not self._is_parked:
            try:
                frame, fds = frames.receive(self.control)
            except TimeoutError as exc:
                raise SandboxError("park", 0, f"not parked within {_PARK_S:.0f} s") from exc
            if frame[:1] == run.ALIVE and len(fds) == 1:
                self.pidfd = fds[0]
            elif frame == run.PARKED:
                self._is_parked = True
            elif frame[:1] == run.FAILED:
                raise run.read_failure(frame)
            else:
                raise SandboxError("park", 0, "the parked run ended")
        self.control.settimeout(None)

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
