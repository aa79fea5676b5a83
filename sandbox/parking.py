"""Fork a parked run whenever the warden asks: what cell-init does for the rest of its life."""

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn

from sandbox import frames, namespaces, run
from sandbox.errors import SandboxError

#: The cell stands, and every folder of the image is the slot's own; or at least one is shared.
READY, READY_SHARED = b"U", b"V"
PARK = b"K"
PARK_HEAD = struct.Struct("<I")
#: The number of a run whose run-init did not end by itself, and its status of wait(2).
DIED = b"D"
DIED_HEAD = struct.Struct("<Ii")
#: In place of the number of a run that was forked before this interpreter's start.
UNKNOWN = 0

#: After so many runs, or so long, the interpreter that runs are forked from starts anew: what one
#: program learns of its layout is of no use to another for long.
RUNS_PER_START = 1000
_START_S = 600.0


def serve_parks(
    sock: socket.socket, confinement: run.Confinement, renew: Callable[[], NoReturn] | None = None
) -> None:
    """Fork a run for each PARK frame; return only in a child whose program this interpreter runs.

    Args:
        sock: of the warden; when that is gone, so are we.
        confinement: of every run.
        renew: starts this process anew; None when its state is of no interest to a program.
    """
    runs = _Runs(sock, confinement)
    renew_at = time.monotonic() + _START_S
    while True:
        left_s = None
        if renew is not None and runs.count:
            left_s = renew_at - time.monotonic()
            if runs.count >= RUNS_PER_START or left_s <= 0:
                renew()
        if not runs.wait_for_warden(left_s):
            continue
        frame, fds = frames.receive(sock)
        if not frame:
            os._exit(0)
        if runs.fork(frame, fds):
            sock.detach()  # closed with all others; the number may be the program's next
            return


class _Runs:
    """The runs that this process forks, and the news of those that did not end by themselves."""

    def __init__(self, sock: socket.socket, confinement: run.Confinement) -> None:
        self._sock = sock
        self._confinement = confinement
        self._numbers: dict[int, int] = {}
        self.count = 0
        # Python's own timeout would leave the socket non-blocking for the interpreter that starts
        # anew, and its handler of SIGCHLD would be late by one park where it comes before a wait.
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def wait_for_warden(self, limit_s: float | None) -> bool:
        """Wait until the warden has said something, or is gone, and reap; False if it has not."""
        limit_ms = None if limit_s is None else limit_s * 1000
        ready = [fd for fd, _ in self._poll.poll(limit_ms)]
        for pidfd in set(ready) - {self._sock.fileno()}:
            self._poll.unregister(pidfd)
            os.close(pidfd)
        # All, for those that were forked before this interpreter's start have no descriptor here.
        self._reap()
        return self._sock.fileno() in ready

    def fork(self, frame: bytes, fds: list[int]) -> bool:
        """Fork the run that *frame* asks for; True in a child whose program comes next."""
        if frame[:1] != PARK or len(fds) < 4:
            raise SandboxError("park", 0, "unknown frame")
        (number,), _ = frames.unpack_frame(frame, PARK_HEAD, 0)
        control = socket.socket(fileno=fds[0])
        try:
            pid = namespaces.fork_into(namespaces.RUN, self._confinement.without)
        except OSError as exc:
            # Of no concern to the other run, which may be in progress.
            run.report_failure(control, SandboxError.of("run namespaces", exc))
        else:
            if pid == 0:
                outfit = run.Outfit(control, fds[1], fds[2], fds[3], fds[4:])
                run.serve_run(outfit, self._confinement)
                return True
            self._numbers[pid] = number
            self._poll.register(os.pidfd_open(pid), select.POLLIN)
        control.close()
        frames.close_fds(fds[1:])
        self.count += 1
        return False

    def _reap(self) -> None:
        """Tell the warden of each that has ended otherwise than with exit code 0."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                number = self._numbers.pop(pid, UNKNOWN)
                if status:
                    self._tell(number, status)

    def _tell(self, number: int, status: int) -> None:
        frame = frames.pack_frame(DIED, DIED_HEAD.pack(number, status))
        with contextlib.suppress(OSError):  # a warden that is gone, or too busy to be told
            self._sock.send(frame, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
